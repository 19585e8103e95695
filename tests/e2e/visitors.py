"""Somebody who looks at a site behind Traefik all the time, and what of it was lost while something was done."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from manifests import listing, service, web
from test_traefik import Front, host_of, ingress, served

EVERY_S = 0.2  # a new connection, with TLS, from outside the cluster
SITE = "site"


def steady(replicas: int) -> dict:
    """A Deployment as an upgrade needs it: a pod that stops is asked no more before it ends."""
    made = web(SITE, replicas)
    pod = made["spec"]["template"]["spec"]
    pod["terminationGracePeriodSeconds"] = 30
    pod["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 10}}}
    pod["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": SITE}},
        }
    ]
    return made


def budget() -> dict:
    """One pod at a time may be evicted."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": SITE}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": SITE}, "spec": spec}


class Visitors:
    """Asks for the site at a fixed rate, whatever the answers take; a request without an answer of 200 is lost."""

    def __init__(self, lab, front: Front, namespace: str):
        host = host_of(namespace)
        objects = listing(steady(2), service(SITE), budget(), ingress(host))
        lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=objects)
        lab.kubectl("-n", namespace, "rollout", "status", f"deployment/{SITE}", "--timeout=180s")
        served(front, host)
        self.answers: list[tuple[float, int, str]] = []  # time of the request, status, why there was none
        self._ask = lambda: front.get(host)
        self._stop = threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True)

    def _tick(self) -> None:
        with ThreadPoolExecutor(128) as pool:
            following = time.monotonic()
            while not self._stop.wait(max(following - time.monotonic(), 0)):
                pool.submit(self._one, time.time())
                following += EVERY_S

    def _one(self, asked: float) -> None:
        answer = self._ask()
        self.answers.append((asked, answer.status, answer.body if not answer.status else ""))

    def __enter__(self):
        self._clock.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._clock.join()

    def lost(self) -> list[tuple[float, int, str]]:
        """The requests without an answer of the site."""
        return sorted(one for one in self.answers if one[1] != 200)

    def between(self, phases: list[tuple[float, str]]) -> dict[str, dict[str, int]]:
        """How many were asked and lost in each phase. phases: when each began, and its name, in order."""
        found: dict[str, dict[str, int]] = {}
        for asked, status, _ in self.answers:
            name = next((name for began, name in reversed(phases) if began <= asked), "before")
            row = found.setdefault(name, {"asked": 0, "lost": 0})
            row["asked"] += 1
            row["lost"] += status != 200
        return found
