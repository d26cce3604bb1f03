"""Clients that encrypt without pause, each plaintext its own, and remember what they were answered.

Afterwards: every 200 has its entry in the log, and every ciphertext opens to exactly the plaintext
it was made of.
"""

import base64
import http.client
import threading
import time
from collections import deque

_CLIENTS = 6
_BATCH = 1_000


class Load:
    """Use as a context: within it, they ask."""

    def __init__(self, node, *, remembered=None):
        self._node = node
        self._end = threading.Event()
        self._counts = [0] * _CLIENTS
        self.made = deque(maxlen=remembered)  # (plaintext, ciphertext, request id)
        self.statuses = set()
        self.broken = 0  # connections that ended without an answer
        self.wrong = []
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(_CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end()
        for thread in self._threads:
            thread.join()

    def end(self):
        """Ask no more."""
        self._end.set()

    @property
    def answered(self):
        """How many were answered with a ciphertext so far."""
        return sum(self._counts)

    def _ask(self, number):
        client, count = self._node.client(self._node.app), 0
        while not self._end.is_set():
            count += 1
            plaintext = f"client {number} message {count}".encode()
            try:
                answer = client.encrypt("demo", plaintext)
            except (OSError, http.client.HTTPException):
                self.broken += 1
                time.sleep(0.01)
                continue
            self.statuses.add(answer.status)
            if answer.status == 200:
                self.made.append((plaintext, answer.json["ciphertext"], answer.request_id))
                self._counts[number] += 1
            elif answer.status == 503:
                if int(answer.headers["retry-after"]) < 1:
                    self.wrong.append(answer)
                time.sleep(0.01)
            else:
                self.wrong.append(answer)
        client.close()

    def check(self, **since):
        """Compare what was remembered with what is there; entries since a time, if one is given."""
        assert not self.wrong
        assert self.made
        client = self._node.client()
        entries = client.events(action="key.encrypt", outcome="allowed", **since)
        assert {request for _, _, request in self.made} <= {entry["request"] for entry in entries}
        made = list(self.made)
        for start in range(0, len(made), _BATCH):
            batch = made[start : start + _BATCH]
            answer = client.ask(
                "POST", "/v1/decrypt", {"items": [{"ciphertext": sealed} for _, sealed, _ in batch]}
            )
            opened = [base64.b64decode(item["plaintext"]) for item in answer.json["items"]]
            assert opened == [plaintext for plaintext, _, _ in batch]
        client.close()
