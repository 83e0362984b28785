"""A web server on the loopback interface, for tests of transfers: it takes what is PUT and gives it to whoever GETs it.

In: requests. Out: what it keeps, and what it was asked. On the other side: HTCondor's plugin, or our courier.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Web(ThreadingHTTPServer):
    """A server that runs in a thread.

    Attributes
    ----------
    files
        What it keeps, by path as asked for.
    asked
        Every request so far: method and path.
    refusals
        Paths that are answered by an error, with its number.
    cut_short
        Paths of which only half is sent.
    stalled
        Paths that are answered when `go_on` is set.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.refusals: dict[str, int] = {}
        self.cut_short: set[str] = set()
        self.stalled: set[str] = set()
        self.go_on = threading.Event()

    @property
    def location(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up is evicted on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        if self._is_refused():
            return
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if self.path in self.server.cut_short else content)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self._is_refused():
            return
        self.server.files[self.path] = content
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _is_refused(self) -> bool:
        self.server.asked.append((self.command, self.path))
        if self.path in self.server.stalled:
            self.server.go_on.wait()
        number = self.server.refusals.get(self.path)
        if number is not None:
            self.send_error(number)
        return number is not None

    def log_message(self, *_: Any) -> None:
        """Tests look at what the server keeps, not at what it prints."""


@contextlib.contextmanager
def running() -> Iterator[Web]:
    """A server for the time of a ``with`` block."""
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.go_on.set()
            server.shutdown()
            thread.join()
