"""A bank at the command line: each duty somebody else's, and codes made by none of our code."""

import base64
import json
import re
import time

from tests.support.otp import SECRET, hotp, totp

ID = re.compile(r"otp-[a-z2-7]{26}")
DUTIES = ("verifier", "enroller", "helpdesk", "officer", "migrator")


class People:
    """`people.verifier("otp", "verify", ...)`: the command, run by who has that duty alone."""

    def __init__(self, cli, monkeypatch, folder):
        self._cli, self._monkeypatch, self._known = cli, monkeypatch, set()
        self.folder = folder

    def __getattr__(self, duty):
        if duty not in DUTIES and duty != "auditor":
            raise AttributeError(duty)
        return lambda *words, stdin=b"": self._run(duty, words, stdin)

    def does(self, duty, *words, stdin=b""):
        """What it says when it succeeds."""
        result = self._run(duty, words, stdin)
        assert result.code == 0, result
        return result.out + result.err

    def told(self, duty, *words, stdin=b""):
        """What it answers as JSON when it succeeds."""
        result = self._run(duty, (*words, "-o", "json"), stdin)
        assert result.code == 0, result
        return json.loads(result.out)

    def variable(self, duty):
        """The variable of the environment that has their token."""
        if duty not in self._known:
            role = duty if duty == "auditor" else f"otp-{duty}"
            self._cli.does("principal", "create", duty, "--role", role)
            made = json.loads(self._cli.does("token", "create", duty, "-o", "json"))
            self._monkeypatch.setenv(duty.upper(), made["token"])
            self._known.add(duty)
        return duty.upper()

    def _run(self, duty, words, stdin):
        return self._cli(*words, "--token-from", self.variable(duty), stdin=stdin)

    def counter(self, *, user="alice", counter=0):
        """The id of an active HOTP credential with the secret of RFC 4226."""
        file = self.folder / f"{user}.txt"
        file.write_text(uri("hotp", user, counter=counter))
        self.does("migrator", "otp", "import", str(file), "--format", "otpauth")
        (found,) = self.told("migrator", "otp", "list", "--user", user)["items"]
        return found["id"]


def uri(kind, user, secret=SECRET, **numbers):
    """A line of an otpauth list."""
    secret = base64.b32encode(secret).decode().rstrip("=")
    numbers = {"counter": 0, **numbers} if kind == "hotp" else numbers
    more = "".join(f"&{name}={value}" for name, value in numbers.items())
    return f"otpauth://{kind}/Bank:{user}?secret={secret}&issuer=Bank{more}\n"


def line(*codes):
    """Codes as they come on standard input."""
    return "".join(f"{code}\n" for code in codes).encode()


def code(counter, secret=SECRET):
    """HOTP (RFC 4226)."""
    return hotp(secret, counter)


def code_of_now(secret=SECRET, **options):
    """TOTP (RFC 6238), by the system's clock."""
    return totp(secret, time.time_ns() // 1000, **options)
