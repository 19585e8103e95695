"""The ``docker`` of a node for containers of etcd's image, run as real ``etcd`` and ``etcdctl`` of this machine.

A shell script, because a check of a snapshot calls it often. It knows what that does there: ``create``, ``cp`` (a tar
archive on standard input or output), ``start -a``, ``run -d``, ``exec``, ``logs``, ``rm -f -v``. A container is a
folder with its command and its volume.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.apiserver import free_ports

_SCRIPT = """#!/bin/sh
made={folder}; client=http://127.0.0.1:{client}; peer=http://127.0.0.1:{peer}
verb=$1; shift
new() {
  name= volumes= mount= program=
  while :; do
    case "$1" in
      -d) shift;;
      --name) name=$2; shift 2;;
      --volumes-from) volumes=$2; shift 2;;
      --entrypoint) program=$2; shift 2;;
      -v) mount=$2; shift 2;;
      --network) [ "$2" = none ] || exit 125; shift 2;;
      -*) shift 2;;
      *) break;;
    esac
  done
  [ "$1" = sha256:etcd ] || { echo "Unable to find image '$1' locally" >&2; exit 125; }
  shift
  mkdir -p "$made" && mkdir "$made/$name" || exit 125
  case "$mount" in
    *:*) ln -s "${mount%%:*}" "$made/$name/backup";;
    *) if [ -n "$volumes" ]; then ln -s "$made/$volumes/data" "$made/$name/data"; else mkdir "$made/$name/data"; fi;;
  esac
  echo "$program" >"$made/$name/program"
  echo "$*" | sed "s#/data#$made/$name/data#g" >"$made/$name/words"
}
words() { cat "$made/$1/words"; }
case $verb in
  inspect) echo sha256:etcd;;
  create) new "$@";;
  run)
    new "$@"
    {etcd} $(words $name) --listen-client-urls=$client --advertise-client-urls=$client --listen-peer-urls=$peer \\
      --unsafe-no-fsync >"$made/$name/log" 2>&1 </dev/null &
    echo $! >"$made/$name/pid";;
  start) {etcdctl} $(words $2);;
  exec)
    name=$1; shift 2
    for word; do
      shift
      case $word in --endpoints=*) word=--endpoints=$client;; esac
      set -- "$@" "$word"
    done
    exec {etcdctl} "$@";;
  logs) for last; do :; done; cat "$made/$last/log";;
  cp)
    if [ "$1" = - ]; then exec tar -x -C "$made/${2%%:*}/${2#*:/}"; fi
    path="$made/${1%%:*}/${1#*:/}"
    [ -e "$path" ] || { echo "Error response from daemon: Could not find the file ${1#*:} in container" >&2; exit 1; }
    exec tar -C "${path%/*}" -c "${path##*/}";;
  rm)
    for name; do
      [ ! -e "$made/$name/pid" ] || kill -9 "$(cat "$made/$name/pid")" 2>/dev/null
      case $name in -*) ;; *) rm -rf "${made:?}/$name";; esac
    done;;
esac
"""


def install(place: Path, binaries: dict[str, Path]) -> None:
    """Let a node of ssh_nodes run them; its snapshots lie in its folder ``snapshots``. binaries: the real programs."""
    (place / "snapshots").mkdir(exist_ok=True)
    client, peer = free_ports(2)
    script = _SCRIPT
    facts = {"folder": place / "made", "client": client, "peer": peer, "etcd": binaries["etcd"]}
    for name, value in (facts | {"etcdctl": binaries["etcdctl"]}).items():
        script = script.replace(f"{{{name}}}", str(value))
    (place / "scratch").write_text(script)
    (place / "scratch").chmod(0o755)


def left(place: Path) -> list[str]:
    """The containers that are there."""
    return sorted(path.name for path in (place / "made").glob("*"))
