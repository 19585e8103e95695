"""What ``rke`` leaves on a node, and how it is found over SSH: one command, whose slow parts run at once."""

from __future__ import annotations

from collections.abc import Iterable

from saltk8s.engine import etcd
from saltk8s.engine.ssh import Inspection
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD

KEYS = "/etc/kubernetes/ssl"
ETCD_DATA = "/var/lib/etcd"
CA, ENCRYPTION = "kube-ca.pem", "encryption.yaml"  # the CA's certificate; on control planes, the key of the Secrets
_FILES = f"{KEYS}/{CA} {KEYS}/{ENCRYPTION}"
_EVERYWHERE = ("kubelet", "kube-proxy")
_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
_OTHERS = ("nginx-proxy",)  # the way to the API servers
_NAMES = (ETCD, *_CONTROL_PLANE, *_EVERYWHERE, *_OTHERS)
_ETCDCTL = "timeout 9 docker exec etcd etcdctl --command-timeout=4s -w json"  # its environment there has all it needs
_LOG_LINES = 30


def expected(roles: Iterable[str]) -> tuple[str, ...]:
    """Return the containers that ``rke`` runs on a node with these roles."""
    roles = set(roles)
    control = _CONTROL_PLANE if CONTROL_PLANE in roles else _OTHERS
    return (*((ETCD,) if ETCD in roles else ()), *control, *_EVERYWHERE)


def start(names: Iterable[str]) -> str:
    """Return the command that starts containers which exited."""
    return " ".join(["docker", "start", *names])


def _asked(words: str, name: str) -> str:
    """Return the command that asks etcd; two of them at the same time do not mix: sed writes its lines at once, and
    ends the last one (``$a\\``) where etcdctl did not, as when it was killed.
    """
    return f"{{ {_ETCDCTL} {words} || echo \"failed (exit status $?)\"; }} 2>&1 | sed -e 's/^/{name} /' -e '$a\\'"


# Root alone may read these files, and rke's containers: one that runs is asked; out of others the files are copied.
# Only their hashes leave the node.
_SUMS = (
    "for name in kubelet kube-proxy kube-apiserver etcd; do "
    'case "$found" in *"container $name "*) ;; *) continue ;; esac; '
    f'timeout 5 docker exec "$name" sha256sum {_FILES} 2>/dev/null | grep . && break; '
    f"for file in {_FILES}; do "
    'docker cp "$name:$file" - 2>/dev/null | tar -xO 2>/dev/null | sha256sum | sed "s#-#$file#"; '
    'done; done | while read -r sum file; do echo "sum ${file##*/} $sum"; done'
)

INSPECTION = Inspection(
    runtime="Docker",
    command=(
        "docker version --format 'runtime {{.Server.Version}}' && "
        f"found=$(docker ps -a --filter 'name=^/?({'|'.join(_NAMES)})$' --format "
        r"'container {{.Names}} {{.Status}}\nimage {{.Names}} {{.Image}}') && "
        """printf '%s\\n' "$found" && { """
        f"{_SUMS} & "
        f"case $found in *'container {ETCD} '*) "
        f"{_asked('endpoint status', etcd.STATUS)} & {_asked('member list', etcd.MEMBERS)} &;; esac; wait; "
        # of what does not run, or began just now
        """printf '%s\\n' "$found" | while read -r kind name status; do case $kind' '$status in """
        "'container '*' second'*|'container '[ECDR]*) "
        "docker inspect --format 'restarts {{.Name}} {{.RestartCount}}' \"$name\" </dev/null; "
        f'docker logs --tail {_LOG_LINES} "$name" 2>&1 </dev/null | cut -c1-500 | sed "s/^/log $name /" ;; esac; done; '
        f"if test -d {KEYS}; then echo trace {KEYS}; fi; "
        # rke empties the folder of a member that leaves, root's alone: with no folder in it, it has two links
        f'if test -d {ETCD_DATA} && test "$(stat -c %h {ETCD_DATA})" != 2; then echo trace {ETCD_DATA}; fi; '
        f"if test -d {ETCD_DATA}; then echo {etcd.DATA} {ETCD_DATA}; fi; }}"
    ),
    containers=(ETCD, *_CONTROL_PLANE, *_EVERYWHERE),
    questions=(etcd.STATUS, etcd.MEMBERS, etcd.DATA),
)
