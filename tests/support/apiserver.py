"""A real API server for the tests: etcd and kube-apiserver on loopback, with RBAC and an audit log.

There are no controllers and no nodes: nothing becomes ready by itself, a deleted namespace stays ``Terminating``. The
audit log says what was really asked and written, which is how the tests prove that test mode writes nothing.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

ADMIN_TOKEN = "test-admin-token"
NOBODY_TOKEN = "test-nobody-token"  # known to the server, and allowed nothing
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
START_S = 60

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    users: ["system:apiserver"]
  - level: Metadata
"""


class Request(NamedTuple):
    """One request of the audit log. ``dry``: a write that was not kept (``dryRun=All``)."""

    verb: str
    uri: str
    code: int
    agent: str

    @property
    def dry(self) -> bool:
        return "dryRun=All" in self.uri

    @property
    def write(self) -> bool:
        return self.verb in WRITES and not self.dry


class ApiServer:
    """The two processes, their files under one folder, and what tests ask of them."""

    def __init__(self, folder: Path, binaries: dict[str, Path]):
        self.folder = folder
        self.kubectl_path = str(binaries["kubectl"])
        self._binaries = binaries
        self._processes: dict[str, subprocess.Popen] = {}
        self.port, self._etcd_port, self._peer_port = free_ports(3)
        self.url = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = folder / "kubeconfig"
        self._audit = folder / "audit.log"
        self.issuers = ["https://kubernetes.default.svc"]  # of tokens; the first of those that are issued
        self.arguments: list[str] = []  # further ones of the API server
        self.set_users: dict[str, str] = {}  # set name -> the test module that applies it

    def start(self) -> None:
        """Start both and wait until the API server is ready."""
        self._write_files()
        self._start_etcd()
        self.start_apiserver()

    def start_apiserver(self) -> None:
        """Start the API server alone, after ``kill()``, and wait until it is ready."""
        self._start_apiserver()
        self._write_kubeconfigs()
        self._until(lambda: self._get("/readyz") == 200, "the API server to be ready")
        self._until(lambda: self._get("/api/v1/namespaces/kube-system") == 200, "its first namespaces")
        self._until(lambda: self._get("/api/v1/namespaces/default") == 200, "its first namespaces")

    def kill(self) -> None:
        """Kill the API server, as when its machine loses power; etcd stays. Once it is dead, again is no error."""
        self._processes["kube-apiserver"].kill()
        self._processes["kube-apiserver"].wait()

    @contextmanager
    def second(self) -> Iterator[str]:
        """Run a second API server of the same cluster, with the same certificate; yield its URL."""
        port = free_ports(1)[0]
        self._start_apiserver("second", port)
        url = f"https://127.0.0.1:{port}"
        try:
            self._until(lambda: self._get("/readyz", url) == 200, "the second API server to be ready")
            yield url
        finally:
            process = self._processes.pop("second")
            process.kill()
            process.wait()

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Stop ``kube-apiserver`` or ``etcd`` for a while: its connections stay, and nothing answers."""
        process = self._processes[name]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)
            self._until(lambda: self._get("/readyz") == 200, "the API server to be ready again")

    def stop(self) -> None:
        """End both, the API server first."""
        for process in reversed(self._processes.values()):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # -- what tests ask

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as the administrator; return its output."""
        argv = [self.kubectl_path, "--kubeconfig", str(self.kubeconfig), "--cache-dir", os.devnull, *args]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            pytest.fail(f"kubectl {' '.join(args)}: {done.stderr}")
        return done.stdout

    def get(self, *args: str) -> Any:
        """Return an object or a list as data, None when it is not there."""
        out = self.kubectl("get", *args, "-o", "json", "--ignore-not-found")
        return json.loads(out) if out.strip() else None

    def apply(self, *objects: dict[str, Any], manager: str = "someone-else") -> None:
        """Write objects as another field manager would."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-", stdin=text)

    def set_status(self, kind: str, name: str, status: dict[str, Any], namespace: str = "default") -> None:
        """Write an object's status, as its controller would."""
        patch = json.dumps({"status": status})
        self.kubectl("patch", kind, name, "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)

    def requests(self, since: int = 0) -> list[Request]:
        """Return the audited requests of kubectl after ``mark()`` returned ``since``."""
        self._flush()
        with self._audit.open() as log:
            log.seek(since)
            lines = [json.loads(line) for line in log if line.strip()]
        found = [
            Request(e["verb"], e["requestURI"], (e.get("responseStatus") or {}).get("code", 0), e.get("userAgent", ""))
            for e in lines
        ]
        return [request for request in found if request.agent.startswith("kubectl")]

    def mark(self) -> int:
        """Return the present end of the audit log."""
        self._flush()
        return self._audit.stat().st_size

    def kubeconfig_with(self, name: str, server: str | None = None, token: str = ADMIN_TOKEN) -> Path:
        """Write another kubeconfig: other server or other token; return its path."""
        path = self.folder / f"kubeconfig-{name}"
        self._write_kubeconfig(path, server or self.url, {"token": token})
        return path

    def who(self, kubeconfig: Path) -> str:
        """Return what kubectl says of who a kubeconfig's user is, errors too."""
        argv = [self.kubectl_path, "--kubeconfig", str(kubeconfig), "--cache-dir", os.devnull, "auth", "whoami"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr

    def kubeconfig_by_certificate(self, name: str, valid_s: float, groups: str = "system:masters") -> Path:
        """Write a kubeconfig whose user is known by a client certificate; valid_s: seconds from now, below 0: over."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, groups), x509.NameAttribute(NameOID.COMMON_NAME, name)]
        end = now + datetime.timedelta(seconds=valid_s)
        signed = _certificate(key, subject, end, self._ca)
        user = {"client-certificate-data": _text(_pem(signed)), "client-key-data": _text(_pem(key))}
        path = self.folder / f"kubeconfig-{name}"
        self._write_kubeconfig(path, self.url, user)
        return path

    def service_account_token(self, name: str, namespace: str = "default") -> str:
        """Make a ServiceAccount that may do everything; return a token of it. It ends when the account is deleted."""
        self.kubectl("create", "serviceaccount", name, "-n", namespace)
        account = f"--serviceaccount={namespace}:{name}"
        self.kubectl("create", "clusterrolebinding", f"{namespace}-{name}", "--clusterrole=cluster-admin", account)
        return self.kubectl("create", "token", name, "-n", namespace).strip()

    # -- how they run

    def _flush(self) -> None:
        """The log line of a request follows its answer: ask something, and wait until that is in the log."""
        name, start = f"marker-{uuid.uuid4().hex}", self._audit.stat().st_size
        assert self._get(f"/api/v1/namespaces/{name}") == 404

        def written() -> bool:
            with self._audit.open() as log:
                log.seek(start)
                return name in log.read()

        self._until(written, "the audit log to be written")

    def _write_files(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        (self.folder / "sa.key").write_bytes(_pem(key))
        (self.folder / "sa.pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, public))
        ca_key, ca_name = ec.generate_private_key(ec.SECP256R1()), [x509.NameAttribute(NameOID.COMMON_NAME, "clients")]
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        self._ca = (ca_key, x509.Name(ca_name))
        (self.folder / "ca.crt").write_bytes(_pem(_certificate(ca_key, ca_name, end, self._ca, is_ca=True)))
        (self.folder / "tokens.csv").write_text(
            f'{ADMIN_TOKEN},admin,1,"system:masters"\n{NOBODY_TOKEN},nobody,2,"nobodies"\n'
        )
        (self.folder / "audit.yaml").write_text(AUDIT_POLICY)
        self._audit.touch()

    def _start(self, name: str, *args: str, program: str = "") -> None:
        with (self.folder / f"{name}.log").open("a") as log:
            self._processes[name] = subprocess.Popen(
                [str(self._binaries[program or name]), *args], stdout=log, stderr=log, cwd=self.folder
            )

    def _start_etcd(self) -> None:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        self._start(
            "etcd",
            "--data-dir",
            str(self.folder / "etcd"),
            "--unsafe-no-fsync",
            "--log-level",
            "error",
            "--listen-client-urls",
            client,
            "--advertise-client-urls",
            client,
            "--listen-peer-urls",
            peer,
            "--initial-advertise-peer-urls",
            peer,
            "--initial-cluster",
            f"default={peer}",
        )

    def _start_apiserver(self, name: str = "kube-apiserver", port: int = 0) -> None:
        self._start(
            name,
            "--etcd-servers",
            f"http://127.0.0.1:{self._etcd_port}",
            "--bind-address",
            "127.0.0.1",
            "--advertise-address",
            "127.0.0.1",
            "--secure-port",
            str(port or self.port),
            "--cert-dir",
            str(self.folder / "certs"),
            "--token-auth-file",
            str(self.folder / "tokens.csv"),
            "--client-ca-file",
            str(self.folder / "ca.crt"),
            # as rke starts it: storage drivers mount for others, which takes privileged containers
            "--allow-privileged=true",
            "--authorization-mode",
            "RBAC",
            "--service-cluster-ip-range",
            "10.43.0.0/16",
            *(f"--service-account-issuer={issuer}" for issuer in self.issuers),
            "--service-account-key-file",
            str(self.folder / "sa.pub"),
            "--service-account-signing-key-file",
            str(self.folder / "sa.key"),
            "--audit-policy-file",
            str(self.folder / "audit.yaml"),
            "--audit-log-path",
            str(self._audit),
            # the second adds a finalizer to claims that only a controller takes off again
            "--disable-admission-plugins",
            "ServiceAccount,StorageObjectInUseProtection",
            "--endpoint-reconciler-type",
            "none",
            *self.arguments,
            program="kube-apiserver",
        )

    def _write_kubeconfigs(self) -> None:
        self._until(self._has_certificate, "the API server's certificate")
        self._write_kubeconfig(self.kubeconfig, self.url, {"token": ADMIN_TOKEN})

    def _has_certificate(self) -> bool:
        """Whether it is there, whole: the API server makes the file before it writes to it."""
        path = self.folder / "certs" / "apiserver.crt"
        return path.exists() and "END CERTIFICATE" in path.read_text()

    def _write_kubeconfig(self, path: Path, server: str, user: dict[str, str]) -> None:
        ca = str(self.folder / "certs" / "apiserver.crt")
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "test",
                    "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": ca}}],
                    "users": [{"name": "test", "user": user}],
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                }
            )
        )
        path.chmod(0o600)

    def _get(self, path: str, url: str = "") -> int:
        """Return the status of a GET as the administrator, 0 when nobody answers."""
        context = ssl.create_default_context(cafile=str(self.folder / "certs" / "apiserver.crt"))
        request = urllib.request.Request((url or self.url) + path, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
        try:
            with urllib.request.urlopen(request, timeout=5, context=context) as answer:
                return answer.status
        except urllib.error.HTTPError as err:
            return err.code
        except OSError:
            return 0

    def _until(self, condition, what: str) -> None:
        end = time.monotonic() + START_S
        while not condition():
            for name, process in self._processes.items():
                if process.poll() is not None:
                    pytest.fail(f"{name} ended:\n{(self.folder / f'{name}.log').read_text()[-2000:]}")
            if time.monotonic() > end:
                pytest.fail(f"waited {START_S} s for {what}")
            time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _certificate(key, subject: list, end: datetime.datetime, ca: tuple, is_ca: bool = False) -> x509.Certificate:
    """A certificate from yesterday until ``end``, signed by ``ca``: its key and its name."""
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(x509.Name(subject)).issuer_name(ca[1])
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(begin).not_valid_after(end)
    if is_ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    else:
        usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(ca[0], hashes.SHA256())


def _pem(thing: Any) -> bytes:
    """A certificate or a private key as text."""
    pem = serialization.Encoding.PEM
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(pem)
    return thing.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


@contextmanager
def running(binaries: dict[str, Path]) -> Iterator[ApiServer]:
    """An API server of one's own, in about four seconds; its processes and files are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="saltk8s-api-", dir="/tmp"))
    server = ApiServer(folder, binaries)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def apiserver(binaries):
    """The API server of most tests, started once."""
    with running(binaries) as server:
        yield server


@pytest.fixture(scope="module")
def own_apiserver(binaries):
    """An API server for one module: for tests that break or kill it."""
    with running(binaries) as server:
        yield server
