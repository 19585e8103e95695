"""Pillar files rendered by Salt itself, for any minion id, without reading this machine's own Salt configuration.

Only the offline check imports this; it is the one module of the package that imports Salt.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import salt.config
import salt.pillar


class Renderer:
    """Renders one pillar folder. folder: where top.sls is; scratch: an empty folder for Salt's own files."""

    def __init__(self, folder: Path, scratch: Path):
        self.opts = copy.deepcopy(dict(salt.config.DEFAULT_MINION_OPTS))
        self.opts.update(
            root_dir=str(scratch),
            cachedir=str(scratch / "cache"),
            extension_modules=str(scratch / "extmods"),
            pki_dir=str(scratch / "pki"),
            sock_dir=str(scratch / "run"),
            conf_file=str(scratch / "minion"),
            gpg_keydir=str(scratch / "gpgkeys"),
            gpg_decrypt_must_succeed=False,  # the check has no key
            file_client="local",
            file_roots={"base": []},
            pillar_roots={"base": [str(folder)]},
            pillar_safe_render_error=False,
            pillar_source_merging_strategy="smart",
            grains={},
        )
        (scratch / "cache").mkdir()
        (scratch / "gpgkeys").mkdir(mode=0o700)

    def render(self, minion_id: str) -> Mapping[str, Any]:
        """Return a minion's pillar; Salt's errors are a list under ``_errors``."""
        return self._quietly(minion_id, lambda pillar: pillar.compile_pillar())

    def targets(self) -> list[str]:
        """Return the targets of the top file: minion ids, and patterns of them."""

        def of_top(pillar: Any) -> list[str]:
            top, _ = pillar.get_top()
            return [str(target) for env in top.values() if isinstance(env, Mapping) for target in env]

        try:
            return self._quietly("saltk8s-check", of_top)
        except Exception:  # a broken top file: rendering the first minion reports its error
            return []

    def _quietly(self, minion_id: str, use: Any) -> Any:
        """Salt logs the lines of a file that it could not render, whatever they hold: nothing is logged here."""
        opts = self.opts | {"id": minion_id}
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return use(salt.pillar.Pillar(opts, {"id": minion_id}, minion_id, "base"))
        except Exception as err:  # whatever a renderer raises is a problem of the pillar, not of the check
            return {"_errors": [f"{type(err).__name__}: {err}"]}
        finally:
            logging.disable(disabled)
