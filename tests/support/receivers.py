"""What sinks send to: a syslog receiver and a webhook, over TLS, that can be bent."""

import http.server
import json
import socket
import ssl
import threading
from contextlib import suppress


def server_context(directory, *, asks_for_certificate=False):
    """With `chain.pem` and `key.pem` of that directory."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "chain.pem", directory / "key.pem")
    if asks_for_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(directory / "chain.pem")
    return context


class SyslogReceiver:
    """Reads messages behind their lengths. Each in `messages` when it was read whole.

    `dies_after`: the next connection is reset when so many of its messages were read; with
    `dies_quietly` it is closed, as a machine does for a program that was killed. `deaf`:
    connections are taken and nothing is read. `polite`: TLS is ended as TLS has it.
    """

    def __init__(self, context=None, *, polite=True):
        self.context = context
        self.polite = polite
        self.messages = []
        self.connections = 0
        self.dies_after = None
        self.dies_quietly = False
        self.deaf = threading.Event()
        self._stopping = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.1)
        self.port = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _accept(self):
        while not self._stopping.is_set():
            try:
                line, _ = self._listening.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(line,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, line):
        line.settimeout(0.1)
        try:
            if self.deaf.is_set():
                self._stopping.wait()
                return
            if self.context is not None:
                line.settimeout(60)
                line = self.context.wrap_socket(line, server_side=True)
                line.settimeout(0.1)
            self._read(line)
        except OSError:
            pass
        finally:
            line.close()

    def _read(self, line):
        rest, count = b"", 0
        while not self._stopping.is_set():
            try:
                data = line.recv(65_536)
            except TimeoutError:
                continue
            if not data:
                if self.context is not None and self.polite:
                    with suppress(OSError):
                        line.settimeout(1)
                        line.unwrap().close()
                return
            rest += data
            while b" " in rest:
                length, _, after = rest.partition(b" ")
                if len(after) < int(length):
                    break
                if self.dies_after is not None and count == self.dies_after:
                    self.dies_after = None
                    if not self.dies_quietly:
                        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
                        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return
                self.messages.append(after[: int(length)])
                rest = after[int(length) :]
                count += 1


class Webhook:
    """An HTTP server. `requests` are (headers, body) of those that it took.

    `answers` are the next ones: a status, or a status and a body; without any, 204. `stuck`:
    nothing is answered while it is set.
    """

    def __init__(self, context=None):
        self.requests = []
        self.seen = []
        self.answers = []
        self.stuck = threading.Event()
        self._released = threading.Event()
        self._lines = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                outer._lines.append(self.connection)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((self.path, dict(self.headers), body))
                if outer.stuck.is_set():
                    outer._released.wait()
                    self.close_connection = True
                    return
                answer = outer.answers.pop(0) if outer.answers else 204
                status, content = answer if isinstance(answer, tuple) else (answer, b"")
                if 200 <= status < 300:
                    outer.requests.append((dict(self.headers), body))
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"{outer.url}/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                # Who takes no more of a long answer hangs up.
                with suppress(OSError):
                    self.wfile.write(content)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = False

            def handle_error(self, request, client_address):
                pass  # a client that does not believe our certificate hangs up

        self._server = Server(("127.0.0.1", 0), Handler)
        scheme = "http"
        if context is not None:
            scheme = "https"
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        for line in self._lines:
            with suppress(OSError):  # it is closed already
                line.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    @property
    def lines(self):
        return [json.loads(line) for _, body in self.requests for line in body.splitlines()]
