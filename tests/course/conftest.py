"""The built book, served as a host serves it, and a browser to open it in."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers import HTML
from playwright.sync_api import Browser, Page


class Handler(SimpleHTTPRequestHandler):
    """Serve files in silence, text compressed, as hosts of pages do."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:  # noqa: N802
        path = Path(self.translate_path(self.path))
        if path.suffix not in (".html", ".css", ".js", ".svg") or not path.is_file():
            super().do_GET()
            return
        data = compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@cache
def compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes())


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Serve the built book; yield its address."""
    assert (HTML / "index.html").exists(), f"no book in {HTML}: run 'make book PROFILE=fast'"
    handler = partial(Handler, directory=str(HTML))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a page on a desktop."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    yield opened
    context.close()
