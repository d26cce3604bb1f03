"""The ceiling: what the same HTTP server does when nothing is kept, asked or recorded.

A lone ASGI endpoint that decodes the JSON, runs one AES-GCM and encodes the answer. Strongroom
cannot be faster than this with as many gates; how near it comes is the figure.
"""

import os
import signal
import socket
import subprocess
import sys

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.node import free_port, wait_for
from strongroom.doors.asgi import Receive, Scope, Send

_KEY = AESGCM(bytes(range(32)))


class _Ask(msgspec.Struct):
    plaintext: bytes


class _Answer(msgspec.Struct):
    ciphertext: bytes
    key_version: int


_decode = msgspec.json.Decoder(_Ask).decode
_encode = msgspec.json.Encoder().encode
_HEADERS = [(b"content-type", b"application/json")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Encrypt."""
    del scope
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    nonce = os.urandom(12)
    blob = nonce + _KEY.encrypt(nonce, _decode(body).plaintext, b"")
    answer = _encode(_Answer(blob, 1))
    headers = [*_HEADERS, (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


class Ceiling:
    """The endpoint, running with a number of workers."""

    def __init__(self, workers: int) -> None:
        self._port = free_port()
        self._workers = workers

    def __enter__(self) -> str:
        self._processes = [
            subprocess.Popen([sys.executable, "-m", "bench.ceiling", str(self._port)])
            for _ in range(self._workers)
        ]
        url = f"http://127.0.0.1:{self._port}/"
        wait_for(self._port)
        return url

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait()


def main() -> None:
    """One worker, on a port that it shares with the others as gates do."""
    import uvicorn  # noqa: PLC0415 - only in the worker

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(("127.0.0.1", int(sys.argv[1])))
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", lifespan="off", interface="asgi3",
        log_config=None, access_log=False, proxy_headers=False, server_header=False,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
