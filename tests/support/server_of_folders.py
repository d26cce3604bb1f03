"""A server that hands out a folder as an audit log, and can be bent."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Bent:
    """What is asked, and what to answer instead of the file."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = []
        self.tokens = []
        self.instead = {}  # path -> (status, body, headers)
        self.hang_up_after = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


def _handler(bent):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            path = self.path.removeprefix("/audit/")
            bent.asked.append(path)
            bent.tokens.append(self.headers.get("Authorization"))
            file = bent.folder / path
            if path in bent.instead:
                status, body, headers = bent.instead[path]
            elif self.path.startswith("/audit/") and file.is_file():
                status, body, headers = 200, file.read_bytes(), {}
            else:
                status, body, headers = 404, b'{"title":"There is nothing at this path"}', {}
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if bent.hang_up_after is not None and len(bent.asked) >= bent.hang_up_after:
                bent.hang_up_after = None
                self.close_connection = True  # unannounced: the client finds out

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, *_):
        """Whoever asked has hung up."""


@contextmanager
def serving(folder, port=0, context=None):
    bent = Bent(folder)
    with _Server(("127.0.0.1", port), _handler(bent)) as server:
        bent.port = server.server_address[1]
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield bent
        finally:
            server.shutdown()
            thread.join()
