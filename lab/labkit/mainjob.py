"""From the pillar to a running cluster, with an operator's commands; their output is kept in the lab's logs."""

from __future__ import annotations

import json
import subprocess

from labkit import admin, config, machines, pillar
from labkit.shell import LabError, run, until, write_log

# what `state.apply k8s` may take from blank nodes on two cores
APPLY_S = 1500


def _answer(log: str, *argv: str, timeout_s: float = 600):
    """Run a Salt command that answers in JSON; return (exit status, its answer)."""
    done = subprocess.run(
        admin.command(*argv),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout_s,
        errors="replace",
        check=False,
    )
    write_log(log, f"$ {' '.join(argv)}\n{done.stdout}{done.stderr}")
    start = min((place for place in (done.stdout.find("{"), done.stdout.find("[")) if place >= 0), default=-1)
    try:
        value, _ = json.JSONDecoder().raw_decode(done.stdout[start:]) if start >= 0 else (None, 0)
    except ValueError:
        value = None
    if value is None and done.returncode:
        raise LabError(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode, value


def problems(answers: dict) -> list[str]:
    """What failed in the answers of ``state.apply``, a line each (pure)."""
    found = []
    for minion, answer in answers.items():
        if not isinstance(answer, dict):
            found.append(f"{minion}: {answer}")
            continue
        for state in sorted(answer.values(), key=lambda state: state.get("__run_num__", 0)):
            if state.get("result") is False:
                found.append(f"{minion}: {state.get('__id__')}: {state.get('comment')}")
    return found


def stages(answers: dict) -> dict[str, float]:
    """Seconds by SLS file of all minions' answers, the longest of each (pure)."""
    by_minion: dict[str, dict[str, float]] = {}
    for minion, answer in answers.items():
        for state in answer.values() if isinstance(answer, dict) else ():
            sls = state.get("__sls__", "?")
            seconds = by_minion.setdefault(sls, {})
            seconds[minion] = seconds.get(minion, 0.0) + float(str(state.get("duration", 0)).split()[0]) / 1000
    return {sls: round(max(seconds.values()), 1) for sls, seconds in by_minion.items()}


def apply(target: str, *sls: str, log: str, timeout_s: int = APPLY_S) -> dict:
    """``salt TARGET state.apply SLS``; return the answers, raise LabError when a state failed."""
    code, answers = _answer(
        log,
        "salt",
        "--out=json",
        "--static",
        "-t",
        str(timeout_s),
        target,
        "state.apply",
        *sls,
        timeout_s=timeout_s + 120,
    )
    failed = problems(answers or {})
    if failed or not answers or code:
        lines = "\n".join(failed) or f"exit status {code}, answer {answers}"
        raise LabError(f"salt '{target}' state.apply {' '.join(sls)}:\n{lines}")
    return answers


# what the first run creates; a dry run must not
CREATED_BY_THE_FIRST_RUN = (
    config.STATE_DIR,
    "/usr/local/bin/rke",
    "/usr/local/bin/kubectl",
    "/etc/docker",
    "/home/rke",
)


def preview() -> str:
    """A dry run before the cluster exists; LabError when it wrote anything. The answers are kept for tests/e2e."""
    answers = apply("*", "k8s", "test=True", log="preview.log", timeout_s=300)
    places = {config.ADMIN_MINION: config.ADMIN, **machines.virtual_machines()}
    for name, container in places.items():
        found = run("docker", "exec", container, "ls", "-d", *CREATED_BY_THE_FIRST_RUN, check=False).split()
        if found:
            raise LabError(f"the dry run (test=True) wrote on {name}: {', '.join(found)}")
    write_log("preview.json", json.dumps(answers, indent=1))
    planned = [state for answer in answers.values() for state in answer.values() if state["result"] is None]
    return f"{len(planned)} states would change, nothing was written"


def prepare_cloud() -> None:
    """The master's own minion gets the modules and writes provider, profiles and map from the pillar."""
    run(*admin.command("salt", config.ADMIN_MINION, "saltutil.sync_all"), log="cloud.log")
    apply(config.ADMIN_MINION, "k8s.cloud", log="cloud.log", timeout_s=120)


def create_machines() -> None:
    """``salt-cloud -m MAP -P -y``; it exits with 0 on most errors, so its answer is read."""
    _, answer = _answer("cloud.log", "salt-cloud", "--out=json", "-m", config.MAP, "-P", "-y", timeout_s=600)
    bad = {name: value for name, value in (answer or {}).items() if not isinstance(value, dict) or "Error" in value}
    missing = set(pillar.nodes()) - set(machines.virtual_machines())
    if bad or missing:
        raise LabError(f"salt-cloud: machines not created: {sorted(missing)}; errors: {json.dumps(bad, indent=1)}")


def check_minions() -> None:
    """``salt '*' test.ping`` answers for every machine."""
    wanted = {config.ADMIN_MINION, *pillar.nodes()}

    def all_answer():
        _, answers = _answer("salt.log", "salt", "--out=json", "--static", "-t", "15", "*", "test.ping", timeout_s=120)
        return wanted == {minion for minion, answer in (answers or {}).items() if answer is True}

    until(all_answer, f"{', '.join(sorted(wanted))} answer", 120)


def check_closed() -> None:
    """The lab's network must be internal; tests/e2e/test_network.py checks that nothing leaves it."""
    if run("docker", "network", "inspect", "-f", "{{.Internal}}", config.NETWORK).strip() != "true":
        raise LabError(f"the network {config.NETWORK} is not internal: packets of the lab could leave this machine")


def kubectl(*argv: str) -> list[str]:
    """kubectl on the admin with the cluster's kubeconfig."""
    return admin.command("kubectl", "--kubeconfig", f"{config.STATE_DIR}/kube_config_cluster.yml", *argv)


def check_nodes() -> str:
    """Every node is Ready; return kubectl's table."""
    listed = json.loads(run(*kubectl("get", "nodes", "-o", "json")))["items"]
    ready = {
        node["metadata"]["name"]
        for node in listed
        if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
    }
    if ready != set(pillar.nodes()):
        table = run(*kubectl("get", "nodes", "-o", "wide"))
        raise LabError(f"nodes Ready: {sorted(ready)}, expected: {sorted(pillar.nodes())}\n{table}")
    return run(*kubectl("get", "nodes", "-o", "wide"))
