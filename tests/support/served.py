"""A deployment that was founded and is served, with tables of a test's own in its configuration."""

import contextlib
import json
import re
import subprocess

from tests.support.nodes import ENVIRONMENT, Served, eventually, strongroom
from tests.support.ports import free_port

PASSPHRASE = "a passphrase for tests only"


class Outlet(Served):
    """Its log is in a file, so that it can be read while it runs."""

    def start(self):
        self.log = self.directory.with_name("node.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, stderr=log, env=ENVIRONMENT
            )
        self.output = b""
        try:
            # Ready, or fenced and saying so.
            eventually(lambda: b" at http" in self.log.read_bytes() or self.process.poll(), 60)
            assert self.process.poll() is None, self.log.read_text()
        except AssertionError:
            self.stop()
            raise

    def metric(self, name, **labels):
        """A number that it shows; None if it has none."""
        wanted = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        for line in self.client().ask("GET", "/metrics").body.decode().splitlines():
            if line.startswith(f"{name}{{") and wanted in line:
                return float(line.rpartition(" ")[2])
        return None

    def said(self, message):
        """What it logged with this message."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line["message"] == message]


def configured(directory, tables):
    """The configuration, and the URL that is in it."""
    port = free_port()
    config = directory / "strongroom.toml"
    config.write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\nmetrics_open = true\n'
        '[store]\npath = "data/strongroom.db"\n[seal]\nkind = "passphrase"\nfile = "seal.json"\n'
        f"[rooms]\ngates = 1\n{tables}"
    )
    return config, f"http://127.0.0.1:{port}"


def founded(directory):
    """Found it. The log's key."""
    secret = directory / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE)
    config, _ = configured(directory, "")
    done = strongroom(
        "init", "--config", config, "--passphrase-file", secret, "--token-file", directory / "token"
    )
    assert done.returncode == 0, done.stderr
    return re.search(r"\S+\+[0-9a-f]{8}\+\S+", done.stderr + done.stdout)[0]


@contextlib.contextmanager
def served(directory, tables):
    """Serve it. There is a key `demo`, and `node.app` is a token that may use it."""
    if not (directory / "token").exists():
        founded(directory)
    config, url = configured(directory, tables)
    with Outlet(config, (directory / "token").read_text().strip(), url) as node:
        admin = node.client()
        if admin.ask("GET", "/v1/keys/demo").status == 404:
            assert admin.ask("POST", "/v1/keys", {"name": "demo"}).status == 201
            app = {"name": "app", "roles": ["key-user"]}
            assert admin.ask("POST", "/v1/principals", app).status == 201
        token = admin.ask("POST", "/v1/tokens", {"principal": "app"})
        node.app = token.json["token"] if token.status == 201 else ""
        yield node
