"""A whole Strongroom: its own processes, started as a user starts them, asked over HTTP."""

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from strongroom.domain import limits

SOURCE = Path(__file__).parent.parent.parent / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}


class Answer:
    """What came back."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def request_id(self):
        return self.headers["strongroom-request-id"]

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


# How many times as long as usual a machine may take that does much else.
_PATIENCE = 6
_IDLE_SECONDS = limits.KEEP_ALIVE_SECONDS / 3


class Connection:
    """One client with one connection. Not for several threads."""

    def __init__(self, url, token, *, timeout=60):
        self._netloc = urlsplit(url).netloc
        self._timeout = timeout
        self._http = None
        self._used = 0.0
        self.token = token

    def ask(self, method, path, body=None, *, token=None, headers=None):
        token = self.token if token is None else token
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self.close()  # the server may do so, too, and at any moment now
        if self._http is None:
            self._http = http.client.HTTPConnection(self._netloc, timeout=self._timeout)
        try:
            self._http.request(method, path, body, sent)
            response = self._http.getresponse()
            content = response.read()
        except BaseException:
            self.close()
            raise
        self._used = time.monotonic()
        headers = {name.lower(): value for name, value in response.getheaders()}
        if headers.get("connection") == "close":
            self.close()
        return Answer(response.status, headers, content)

    def close(self):
        if self._http is not None:
            self._http.close()
            self._http = None

    # The common requests, by name.

    def encrypt(self, key, plaintext, context=None, **options):
        body = {"plaintext": base64.b64encode(plaintext).decode()}
        if context:
            body["context"] = context
        return self.ask("POST", f"/v1/keys/{key}/encrypt", body, **options)

    def decrypt(self, ciphertext, context=None, **options):
        body = {"ciphertext": ciphertext}
        if context:
            body["context"] = context
        return self.ask("POST", "/v1/decrypt", body, **options)

    def rooms(self):
        """name -> what `status` says of it."""
        return {room["name"]: room for room in self.ask("GET", "/v1/status").json["rooms"]}

    def events(self, **conditions):
        """All audit entries that match, oldest first."""
        found, token, size = [], "", None
        while True:
            asked = {"limit": 1000, **conditions, **({"page_token": token} if token else {})}
            page = self.ask("GET", f"/v1/audit/events?{urlencode(asked)}").json
            found += page["events"]
            token = page["next_page_token"]
            # Reading is on record, too: without an end set at first, there would always be more.
            size = size or page["tree_size"]
            if int(token) >= size:
                return found


class Node:
    """`strongroom dev` on a directory and any free port."""

    def __init__(self, directory, *, gates=1, custodians=1, arguments=(), log=None):
        self.directory = Path(directory)
        self._command = [
            sys.executable, "-m", "strongroom.cli", "dev", "--data", str(directory),
            "--listen", "127.0.0.1:0", "--gates", str(gates), "--custodians", str(custodians),
            *arguments,
        ]  # fmt: skip
        self._clients = []
        self.log = Path(log or self.directory.with_name(self.directory.name + ".log"))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def spawn(self):
        """Start it, and wait for nothing."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=log, env=ENVIRONMENT
            )
        self.output = b""

    def start(self):
        self.spawn()
        for line in self.process.stdout:
            self.output += line
            if b"ready at" in line:
                break
        else:
            said = self.log.read_text() if self.log.is_file() else ""
            raise AssertionError(f"did not start: {said}")
        self.read_environment()

    def read_environment(self):
        """Where it is, and the tokens."""
        text = (self.directory / "dev.env").read_text()
        environment = dict(line.split("=", 1) for line in text.splitlines())
        self.url = environment["STRONGROOM_URL"]
        self.admin = environment["STRONGROOM_TOKEN"]
        self.app = environment["STRONGROOM_APP_TOKEN"]

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        for rest in self.process.communicate(timeout=60):
            self.output += rest or b""
        for client in self._clients:
            client.close()
        return self.process.returncode

    def kill(self):
        """SIGKILL of the supervisor."""
        self.process.kill()
        self.process.communicate()

    def client(self, token=None, **options):
        client = Connection(self.url, self.admin if token is None else token, **options)
        self._clients.append(client)
        return client

    @property
    def store(self):
        return self.directory / "strongroom.db"


def eventually(is_so, seconds=10.0):
    """Wait until it is so; fail if it does not come to be.

    So many seconds are plenty; a machine that does much else gets several times as many.
    """
    end = time.monotonic() + seconds * _PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError("did not come to be")
        time.sleep(0.02)


def when_quiet(measure, is_fine, times=5):
    """Measure until it is fine; fail if it is not, so many times in a row.

    For bounds on time that are promises: whatever else the machine does spoils some of the times,
    and what is too slow by itself spoils them all.
    """
    for _ in range(times):
        found = measure()
        if is_fine(found):
            return
    raise AssertionError(found)


class Served(Node):
    """`strongroom serve`."""

    def __init__(self, config, token, url):
        super().__init__(config.parent / "data")
        self._command = [
            sys.executable, "-m", "strongroom.cli", "serve", "--config", str(config),
            "--passphrase-file", str(config.with_name("passphrase")),
        ]  # fmt: skip
        self.admin, self.url = token, url

    def start(self):
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT
        )
        self.output = b""
        for line in self.process.stderr:
            self.output += line
            if b"ready at" in line:
                return
        raise AssertionError(self.output)


def strongroom(*arguments, stdin="", **options):
    """One command, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "strongroom.cli", *map(str, arguments)],
        input=stdin, capture_output=True, text=True, check=False, timeout=60,
        **{"env": ENVIRONMENT, **options},
    )  # fmt: skip
