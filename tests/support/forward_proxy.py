"""A forward HTTP proxy for tests: notes what passes, and answers for hosts that no name server knows.

python3 tests/support/forward_proxy.py PORT LOG     # in a network namespace of its own
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BODY = b"by the proxy\n"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET of a whole URL itself; refuses tunnels, after it noted them."""

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        """Answer with BODY."""
        self._note()
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_CONNECT(self) -> None:  # noqa: N802
        """Refuse."""
        self._note()
        self.send_error(502, "no tunnels from here")

    def _note(self) -> None:
        with self.server.log.open("a") as out:  # type: ignore[attr-defined]
            out.write(f"{self.command} {self.path}\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running(log: Path) -> Iterator[str]:
    """Run a proxy in this process; its URL. log: gets a line for each request."""
    log.write_text("")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        proxy.log = log  # type: ignore[attr-defined]
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            proxy.shutdown()
            thread.join()
