"""Salt in a test's own process: modules, states and whole SLS trees of this repository, without a daemon.

``Minion`` is a masterless minion whose every path lies under a folder of the test. It loads what a synced minion
would have (``salt/_modules``, ``salt/_states``, ``salt/_utils``) straight from the work tree, and its pillar through
Salt's own pillar renderer.
"""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import salt.config
import salt.loader
import salt.loader.lazy
import salt.pillar
import yaml

ROOT = Path(__file__).resolve().parents[2]
FORMULAS = ROOT / "salt"
ADMIN = "k8s-admin"


def _remember_mappings() -> None:
    """Let Salt look for modules once in folders that did not change: it does so 46 times for one state, which takes
    most of the time of ``state.single``.
    """
    loader = salt.loader.lazy.LazyLoader
    looked, known = loader._refresh_file_mapping, {}

    @functools.cache
    def paths(folders: tuple[str, ...]) -> list[Path]:
        return [path for folder in folders for path in (Path(folder), Path(folder, "__pycache__"))]

    def changed(folder: Path) -> int:
        try:
            return folder.stat().st_mtime_ns
        except OSError:
            return 0

    def remembered(self: Any) -> None:
        folders = tuple(map(str, self.module_dirs))
        listed = (self.suffix_order, self.static_modules, sorted(self.disabled))
        key = (folders, *map(changed, paths(folders)), *map(tuple, listed))
        if key not in known:
            looked(self)
            known[key] = (self.file_mapping, self.suffix_map, self.suffix_order)
        self.file_mapping, self.suffix_map, self.suffix_order = map(copy.copy, known[key])

    loader._refresh_file_mapping = remembered


_remember_mappings()


def write_pillar(folder: Path, pillar: dict[str, Any]) -> Path:
    """Write pillar data as a tree that gives it to every minion; return its folder. No Jinja is run on it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top.sls").write_text("base:\n  '*':\n    - data\n")
    (folder / "data.sls").write_text("#!yaml\n" + yaml.safe_dump(pillar, sort_keys=False))
    return folder


def minion_opts(root: Path, minion_id: str = ADMIN, **more: Any) -> dict[str, Any]:
    """Options of a masterless minion that touches nothing outside ``root``."""
    opts = copy.deepcopy(dict(salt.config.DEFAULT_MINION_OPTS))
    state = root / "minion"
    cache = state / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    opts |= {
        "id": minion_id,
        "root_dir": str(state),
        "cachedir": str(cache),
        "extension_modules": str(cache / "extmods"),
        "pki_dir": str(state / "pki"),
        "sock_dir": str(state / "run"),
        "conf_file": str(state / "minion.conf"),
        "conf_dir": str(state),
        "pidfile": str(state / "minion.pid"),
        "log_file": str(state / "minion.log"),
        "module_dirs": [str(FORMULAS)],
        "file_client": "local",
        "local": True,
        "master_type": "disable",
        "file_roots": {"base": [str(FORMULAS)]},
        "pillar_roots": {"base": [str(root / "pillar")]},
        "pillar_safe_render_error": False,
        "saltenv": "base",
        "enable_fqdns_grains": False,
        "enable_gpu_grains": False,
        "fileserver_list_cache_time": 0,
        "file_buffer_size": 262144,
        "state_events": False,
        "minion_event_bus": False,
        "__cli": "salt-call",
        "__role": "minion",
    }
    return opts | more


@functools.lru_cache(maxsize=1)
def _host_grains() -> dict[str, Any]:
    """This machine's grains, read once a session: it takes most of the time of loading a minion."""
    opts = copy.deepcopy(dict(salt.config.DEFAULT_MINION_OPTS))
    opts |= {"id": ADMIN, "enable_fqdns_grains": False, "enable_gpu_grains": False, "cachedir": "/nonexistent"}
    opts |= {"extension_modules": "/nonexistent", "conf_file": "/nonexistent", "grains_cache": False}
    return salt.loader.grains(opts)


class Minion:
    """A masterless minion in this process.

    root: folder for everything it writes; pillar: pillar data, given through pillar files; pillar_roots: folders of a
    pillar tree instead; grains: laid over this machine's; file_roots: further folders before the repository's ``salt``;
    opts: any option of a minion.
    """

    def __init__(
        self,
        root: Path,
        minion_id: str = ADMIN,
        pillar: dict[str, Any] | None = None,
        pillar_roots: list[Path] | None = None,
        grains: dict[str, Any] | None = None,
        file_roots: list[Path] | None = None,
        **opts: Any,
    ):
        self.id = minion_id
        self.opts = minion_opts(root, minion_id, **opts)
        if file_roots:
            self.opts["file_roots"] = {"base": [*map(str, file_roots), str(FORMULAS)]}
        if pillar_roots:
            self.opts["pillar_roots"] = {"base": [str(folder) for folder in pillar_roots]}
        else:
            write_pillar(root / "pillar", pillar or {})
        self.opts["grains"] = {**copy.deepcopy(_host_grains()), "id": minion_id, **(grains or {})}
        self.reload()

    def reload(self) -> None:
        """Compile the pillar again and load modules and states again."""
        pillar = salt.pillar.Pillar(self.opts, self.opts["grains"], self.id, "base").compile_pillar()
        assert not pillar.get("_errors"), pillar["_errors"]
        self.opts["pillar"] = pillar
        self.context: dict[str, Any] = {}
        self.utils = salt.loader.utils(self.opts, context=self.context)
        self.modules = salt.loader.minion_mods(self.opts, utils=self.utils, context=self.context)

    @property
    def pillar(self) -> dict[str, Any]:
        """The compiled pillar."""
        return self.opts["pillar"]

    def call(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """Run an execution function, for example ``call("rke.version")``."""
        return self.modules[function](*args, **kwargs)

    def state(self, function: str, name: str, test: bool = False, **kwargs: Any) -> dict[str, Any]:
        """Run one state; return its answer (``name``, ``result``, ``changes``, ``comment``)."""
        answer = self.modules["state.single"](function, name, test=test, **kwargs)
        assert isinstance(answer, dict), f"{function} did not render or compile: {answer}"
        return next(iter(answer.values()))

    def apply(self, sls: str, test: bool = False, **kwargs: Any) -> dict[str, dict[str, Any]]:
        """Apply an SLS with everything it includes; return {state id: answer}, in the order they ran.

        A state id with several states in it is keyed ``id (function)`` from its second state on.
        """
        answer = self.modules["state.apply"](sls, test=test, **kwargs)
        assert isinstance(answer, dict), "\n".join([f"{sls} did not compile:", *map(str, answer)])
        states: dict[str, dict[str, Any]] = {}
        for tag, one in sorted(answer.items(), key=lambda item: item[1].get("__run_num__", 0)):
            key = one.get("__id__", tag)
            states[key if key not in states else f"{key} ({tag.split('_|-')[-1]})"] = one
        return states

    def low(self, sls: str) -> list[dict[str, Any]]:
        """Render and compile an SLS without running it; return its low chunks."""
        chunks = self.modules["state.show_low_sls"](sls)
        assert chunks is not None and all(isinstance(chunk, dict) for chunk in chunks), f"{sls}: {chunks}"
        return chunks


def failed(states: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Ids and comments of the states of ``Minion.apply`` that failed."""
    return {key: state["comment"] for key, state in states.items() if state["result"] is False}


def changed(states: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ids and changes of the states of ``Minion.apply`` that changed something."""
    return {key: state["changes"] for key, state in states.items() if state["changes"]}
