"""A witness in a process of its own, and a log that asks it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from strongroom.tlog import notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.proofs import plan_consistency
from strongroom.witness.exchange import Question
from tests.support.auditing import ORIGIN, log_signer, vkey

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def program(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "strongroom.witness", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )


def question(log, old, new, *, signers=None, origin=ORIGIN, proof=None):
    """What the log sends, as bytes."""
    checkpoint = Checkpoint(origin, new, log.root(new))
    note = notes.sign(checkpoint.text, signers or [log_signer()])
    if proof is None:
        proof = log.proof(plan_consistency(old, new)) if 0 < old <= new else []
    return Question(old, tuple(proof), note, checkpoint).to_bytes()


class RunningWitness:
    """Started, and asked over HTTP; its standard error is collected line by line."""

    def __init__(self, directory: Path, *, logs=(), settings=""):
        self.directory = directory
        tables = "".join(
            f'[[logs]]\nvkey = "{key}"\norigin = "{origin}"\n'
            for key, origin in logs or [(vkey(log_signer()), ORIGIN)]
        )
        self.config = directory / "witness.toml"
        self.config.write_text(f'listen = "127.0.0.1:0"\n{settings}\n{tables}')
        self.lines = []

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "strongroom.witness", "serve", "--config", str(self.config)],
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        first = self.process.stderr.readline()
        try:
            self.port = json.loads(first)["port"]
        except ValueError:
            self.process.wait()
            self.process.stderr.close()
            raise RuntimeError(first) from None
        self._reader = threading.Thread(target=self._collect)
        self._reader.start()
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGTERM)

    def _collect(self):
        self.lines.extend(map(json.loads, self.process.stderr))

    def stop(self, how):
        """By a signal; then all it said is in `lines`."""
        with suppress(ProcessLookupError):
            self.process.send_signal(how)
        self.process.wait(60)
        self._reader.join()
        self.process.stderr.close()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def ask(self, body):
        status, _, answer = self.request("POST", "/add-checkpoint", body)
        return status, answer

    def alarms(self):
        return [line for line in self.lines if line["level"] == "alarm"]
