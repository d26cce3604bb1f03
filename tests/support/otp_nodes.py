"""A node with people of each duty, and credentials whose secrets the tests know."""

import base64
import os
from concurrent.futures import ThreadPoolExecutor

from tests.support.otp import hotp

ROLES = ("verifier", "enroller", "helpdesk", "officer", "migrator")
_BATCH = 100


class Branch:
    """`branch.verifier`, `.officer`, … are connections; each has its own token."""

    def __init__(self, node):
        self._node = node
        admin = node.client()
        for role in ROLES:
            body = {"name": role, "roles": [f"otp-{role}"]}
            assert admin.ask("POST", "/v1/principals", body).status == 201
            made = admin.ask("POST", "/v1/tokens", {"principal": role, "days": 1})
            setattr(self, role, node.client(made.json["token"]))

    def again(self):
        """The node was started again: it is elsewhere now."""
        for role in ROLES:
            setattr(self, role, self._node.client(getattr(self, role).token))

    def imported(self, secrets, **fields):
        """The ids of credentials with these secrets: HOTP, if nothing else is said."""
        ids = []
        for first in range(0, len(secrets), _BATCH):
            items = [
                {
                    "secret": base64.b64encode(secret).decode(),
                    "serial": secret.hex()[:32], "type": "hotp", **fields,
                }
                for secret in secrets[first : first + _BATCH]
            ]  # fmt: skip
            answer = self.migrator.ask("POST", "/v1/otp/import", {"items": items})
            assert answer.status == 200
            ids += [item["id"] for item in answer.json["items"]]
        return ids

    def credential(self, **fields):
        """One, and its secret."""
        secret = os.urandom(20)
        (name,) = self.imported([secret], **fields)
        return name, secret

    def verify(self, name, code, client=None):
        """What the verifier is told."""
        client = client or self.verifier
        return client.ask("POST", f"/v1/otp/{name}/verify", {"code": code})

    def is_right(self, name, secret, counter):
        """Whether that counter's code is right, and is used up now."""
        answer = self.verify(name, hotp(secret, counter))
        assert answer.status == 200, answer
        return answer.json["valid"]

    def at_once(self, count, work):
        """What that many connections get, each by itself so that all gates are met."""
        clients = [self._node.client(self.verifier.token) for _ in range(count)]
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(work, clients))

    def job(self, **fields):
        """A job's id."""
        answer = self.officer.ask("POST", "/v1/otp-jobs", fields)
        assert answer.status == 201, answer
        return answer.json["id"]

    def read_job(self, job):
        """How far it has come."""
        return self.officer.ask("GET", f"/v1/otp-jobs/{job}").json
