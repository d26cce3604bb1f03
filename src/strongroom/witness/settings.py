"""witness.toml: every setting named, unknown ones refused. `sample` is the whole of it."""

import ipaddress
import tomllib
from pathlib import Path
from typing import Final

import msgspec

from strongroom.tlog import checkpoints, keys, notes, vkeys
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import EMPTY_ROOT
from strongroom.witness.refusals import CannotServe

SAMPLE: Final = """\
# A witness of transparency logs. Paths are relative to this file. Start it with:
#   strongroom-witness serve --config witness.toml

# Where to listen: ADDRESS:PORT, or [IPV6]:PORT. One address. What comes and goes is no secret and
# has signatures of its own, so TLS is not needed; a reverse proxy may do it.
listen = "127.0.0.1:7650"
# The certificate chain and its private key, PEM. Both or neither.
# tls_certificate = "tls/chain.pem"
# tls_key = "tls/key.pem"

# The witness's private keys, and what it signed last. Made by `strongroom-witness init`. A copy of
# the state that is put back later is a witness that forgot: never restore it from a backup.
key = "witness.key"
state = "state"

# The logs to be a witness of: their verifier keys, from whoever runs them, by a way that you trust.
# The origin is the log's name; left out, it is the key's. A log with several keys has several
# tables, and is believed when one of them has signed.
# [[logs]]
# vkey = "kms.example/audit/1+b298fad0+AeaTaPBujIuxJv2sczxyJWmrEj2j9r/B4Ng0u4kmMBh+"
# origin = "kms.example/audit/1"
"""


class _Table(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A table of the file."""


class Log(_Table, frozen=True, kw_only=True):
    """`[[logs]]`."""

    vkey: str
    origin: str = ""


class Settings(_Table, frozen=True, kw_only=True):
    """The file, with absolute paths."""

    listen: str = "127.0.0.1:7650"
    tls_certificate: str = ""
    tls_key: str = ""
    key: str = "witness.key"
    state: str = "state"
    logs: tuple[Log, ...] = ()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def verifiers(self) -> dict[str, list[notes.Verifier]]:
        """The keys of each log, by its origin. Raises `CannotServe`."""
        found: dict[str, list[notes.Verifier]] = {}
        for log in self.logs:
            try:
                key = vkeys.parse(log.vkey)
                origin = checkpoints.Checkpoint(log.origin or key.name, 0, EMPTY_ROOT).origin
            except TlogError as error:
                raise CannotServe(f"the log {log.origin or log.vkey[:80]!r}: {error}") from error
            found.setdefault(origin, []).append(keys.verifier(key))
        return found


def load(path: Path) -> Settings:
    """The settings. Raises `CannotServe`."""
    try:
        with path.open("rb") as file:
            settings = msgspec.convert(tomllib.load(file), Settings)
    except OSError as error:
        raise CannotServe(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CannotServe(f"{path} is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise CannotServe(f"{path}: {str(error).replace('`$.', '`')}") from error
    _check(settings, path)
    beside = path.resolve().parent

    def located(text: str) -> str:
        return str(beside / text) if text else ""

    return msgspec.structs.replace(
        settings,
        tls_certificate=located(settings.tls_certificate),
        tls_key=located(settings.tls_key),
        key=located(settings.key),
        state=located(settings.state),
    )


def _check(settings: Settings, path: Path) -> None:
    host, colon, port = settings.listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
        number = int(port) if port.isascii() and port.isdecimal() else -1
        right = bool(colon) and bracketed == (address.version == 6)  # noqa: PLR2004 - IPv6
    except ValueError:
        number, right = -1, False
    if not right or not 0 <= number < 65_536:  # noqa: PLR2004 - a port has 16 bits
        raise CannotServe(f"{path}: listen is an address and a port, such as 127.0.0.1:7650")
    if bool(settings.tls_certificate) is not bool(settings.tls_key):
        raise CannotServe(f"{path}: tls_certificate and tls_key go together")
    if not settings.logs:
        raise CannotServe(f"{path}: there is no log to be a witness of; add a table [[logs]]")
