"""A mirror on this machine that answers as no mirror should."""

from __future__ import annotations

import gzip
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Request", bytes], None]


class Request(BaseHTTPRequestHandler):
    """Hands each request to the answer that its server has for this path."""

    server: Mirror

    def do_GET(self) -> None:
        """Answer a request."""
        path = self.path.lstrip("/")
        self.server.asked.append(path)
        self.server.encodings.add(self.headers["Accept-Encoding"])
        answer = self.server.odd.get(path.partition("?")[0], whole)
        with suppress(OSError):  # the other side has gone away, as it should
            answer(self, self.server.files[path.partition("?")[0]])

    def say(self, head: str, body: bytes = b"") -> None:
        """Send a status line with headers, as they are, and a body."""
        lines = [f"HTTP/1.1 {head.splitlines()[0]}", *head.splitlines()[1:], "Connection: close"]
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


class Mirror(ThreadingHTTPServer):
    """Serves `files`, some of them as `odd` says; what was asked for, and how, is noted."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.files = files
        self.odd: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.encodings: set[str | None] = set()

    @property
    def address(self) -> str:
        """The address that paths are appended to."""
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: that clients hang up is what is tried here."""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Mirror]:
    """Run a mirror for a while."""
    with Mirror(files) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def whole(request: Request, content: bytes) -> None:
    """Answer as one should."""
    request.say(f"200 OK\nContent-Length: {len(content)}", content)


def _status(status: str) -> Answer:
    return lambda request, content: request.say(status, b"<html>an error</html>")


def _body(change: Callable[[bytes], bytes], *headers: str) -> Answer:
    """Answer with another body, and its true length."""

    def answer(request: Request, content: bytes) -> None:
        body = change(content)
        request.say("\n".join(["200 OK", f"Content-Length: {len(body)}", *headers]), body)

    return answer


def _length(length: str) -> Answer:
    """Answer with the right body, and another length."""
    return lambda request, content: request.say(f"200 OK\nContent-Length: {length}", content)


def _drip(head: bytes, drop: bytes, pause: float = 0.0) -> Answer:
    """Say something, then the same for ever."""

    def answer(request: Request, content: bytes) -> None:
        request.wfile.write(head)
        while True:
            request.wfile.write(drop)
            time.sleep(pause)

    return answer


def _silence(head: bytes) -> Answer:
    """Say something, and then nothing until the other side goes away."""

    def answer(request: Request, content: bytes) -> None:
        request.wfile.write(head)
        request.connection.settimeout(None)  # whoever asks may have set a limit for all sockets
        while request.connection.recv(1000):
            pass

    return answer


def _redirect(to: str) -> Answer:
    """Send to another place; N becomes a number that is always another."""

    def answer(request: Request, content: bytes) -> None:
        place = to.replace("PATH", request.path.partition("?")[0])
        request.say(f"302 Found\nLocation: {place.replace('N', str(random.getrandbits(60)))}")

    return answer


def _hang_up(request: Request, content: bytes) -> None:
    request.close_connection = True


def _reset(request: Request, content: bytes) -> None:
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + content[:10])
    request.connection.close()


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

ANSWERS: dict[str, Answer] = {
    "404": _status("404 Not Found"),
    "403": _status("403 Forbidden"),
    "429": _status("429 Too Many Requests\nRetry-After: 100000"),
    "500": _status("500 Internal Server Error"),
    "503": _status("503 Service Unavailable"),
    "204, no content": _status("204 No Content"),
    "304, not modified": _status("304 Not Modified"),
    "redirects in a circle": _redirect("PATH"),
    "redirects without end": _redirect("PATH?N"),
    "redirect to a file": _redirect("file:///etc/hostname"),
    "redirect to no address": _redirect("http://[::"),
    "redirect to a closed port": _redirect("http://127.0.0.1:9/"),
    "redirect without a place": _status("302 Found"),
    "other bytes, as many": _body(lambda content: content[::-1]),
    "one bit flipped": _body(lambda content: content[:-1] + bytes([content[-1] ^ 1])),
    "a page instead of the file": _body(lambda _: b"<html>Log in to the network</html>"),
    "nothing": _body(lambda _: b""),
    "half of it": _body(lambda content: content[: len(content) // 2]),
    "half of it, said to be whole": _length("100000"),
    "one byte more": _body(lambda content: content + b"x"),
    "twice": _body(lambda content: 2 * content),
    "a negative length": _length("-1"),
    "a length that is no number": _length("many"),
    "two lengths": _length("10\nContent-Length: 20"),
    "a huge length": _drip(OK + b"Content-Length: 1000000000000000\r\n\r\n", b"x" * 65536),
    "an endless body": _drip(OK + b"\r\n", b"x" * 65536),
    "an endless body in chunks": _drip(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "a broken chunk": lambda request, _: request.wfile.write(CHUNKED + b"zz\r\nxx\r\n"),
    "compressed": _body(gzip.compress, "Content-Encoding: gzip"),
    "a gzip bomb": _body(lambda _: gzip.compress(bytes(10**7)), "Content-Encoding: gzip"),
    "an unknown encoding": _body(lambda content: content[:-1], "Content-Encoding: zebra"),
    "a slow body": _drip(OK + b"Content-Length: 500\r\n\r\n", b"x", 0.1),
    "slow headers": _drip(OK + b"X-Slow: ", b"x", 0.1),
    "a slow status line": _drip(b"HTTP/1.1 200 ", b"O", 0.1),
    "endless headers": _drip(OK, b"X-More: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"),
    "endless 'continue'": _drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01),
    "silence": _silence(b""),
    "silence after the headers": _silence(OK + b"Content-Length: 500\r\n\r\n"),
    "hangs up": _hang_up,
    "connection reset": _reset,
    "no HTTP": lambda request, _: request.wfile.write(bytes(range(256)) * 10),
}
"""What a mirror can do wrong, by a few words that say it."""
