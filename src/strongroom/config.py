"""The configuration file of `strongroom serve`: TOML, every setting named, unknown ones refused.

`SAMPLE` is the whole of it with a comment for each setting, and loads as it is.
"""

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from strongroom import outside
from strongroom.domain import limits
from strongroom.ports.sinks import SinkSettings
from strongroom.ports.witnesses import WitnessSettings
from strongroom.watching.rules import configured

_PATHS_OF_SINKS: Final = ("path", "secret_file", "tls_ca", "tls_certificate", "tls_key")

SAMPLE: Final = """\
# Strongroom's configuration. Paths are relative to this file. Check it with:
#   strongroom config check --config strongroom.toml

[server]
# Where to listen: ADDRESS:PORT, or [IPV6]:PORT. One address.
listen = "127.0.0.1:7600"
# The certificate chain and its private key, PEM. Both or neither. Needed beyond loopback.
# tls_certificate = "tls/chain.pem"
# tls_key = "tls/key.pem"
# Serve beyond loopback without TLS. Tokens and plaintexts can then be read on the way; only for a
# proxy on the same trusted link that does TLS.
unsafe_cleartext_beyond_loopback = false
# Let everybody read /metrics. Otherwise a token with the right to status.read is needed.
metrics_open = false
# Seconds that in-flight requests may take after a stop was asked for.
drain_seconds = 20

[store]
# The database. Its directory must be on a local disk.
path = "data/strongroom.db"

[seal]
# What keeps the root key while Strongroom is not running: a passphrase, by Argon2id.
kind = "passphrase"
file = "data/seal.json"
# Read the passphrase from this file, mode 0600. Otherwise it is asked for, or read from
# --passphrase-fd.
# passphrase_file = "/run/credentials/strongroom.service/passphrase"

[rooms]
# Processes. A gate speaks HTTP, a custodian computes; more than there are cores is of no use.
gates = 2
custodians = 1
# Users of the rooms' own, when started as root.
# gate_user = "strongroom-gate"
# custodian_user = "strongroom-custodian"
# ledger_user = "strongroom-ledger"
# courier_user = "strongroom-courier"

[limits]
# Open connections of one gate.
connections_max = 4096

[aws]
# Seconds that may lie between the time of a signature and now, either way, for clients of AWS KMS.
clock_window_seconds = 300

[log]
# One line of JSON for every request. What goes wrong is logged in any case.
requests = false

[audit]
# Where the log's last checkpoint is kept outside the database, so that an older database is
# noticed. Best on another disk than the database, and in no backup of it. Strongroom's user alone
# may write there. Without it: the directory "anchor" beside the database.
# anchor = "/var/lib/strongroom-anchor"
# The log's name in its checkpoints, for good; only `init` reads it. Such as a host and a path.
# origin = "strongroom.example.com/log"
# Entries older than this move from the database into files in the directory "archive" beside it,
# where they are read, searched and proven as before. 0: they stay.
keep_days = 0
# How many witnesses must have cosigned a checkpoint of the audit log before it counts.
witnesses_required = 0

# A witness of the audit log: where it answers, and its key, as whoever runs it says.
# [[audit.witnesses]]
# url = "https://witness.example"
# key = "witness.example+82bca4dd+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
# tls_ca = "tls/witness-ca.pem"

# Where audit entries are sent to; kind is "syslog", "webhook" or "file". Each is a table of its own
# with a name of its own. docs/operate/sinks.md has every setting.
# [[sinks]]
# kind = "file"
# name = "archive"
# path = "audit.jsonl"

# What the watcher raises, where it is to differ. docs/operate/suspicious-use.md has every rule.
# [watch.decrypt-rate]
# factor = 8
"""


_ORIGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")


class ConfigRefused(Exception):  # noqa: N818 - it says what is the case
    """The configuration cannot be used. The text names the setting and what would be right."""


class _Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A table of the file."""


class Server(_Section, frozen=True, kw_only=True):
    """`[server]`."""

    listen: str = "127.0.0.1:7600"
    tls_certificate: str = ""
    tls_key: str = ""
    unsafe_cleartext_beyond_loopback: bool = False
    metrics_open: bool = False
    drain_seconds: Annotated[int, Meta(ge=1, le=600)] = limits.DRAIN_SECONDS


class StoreSection(_Section, frozen=True, kw_only=True):
    """`[store]`."""

    path: str


class SealSection(_Section, frozen=True, kw_only=True):
    """`[seal]`."""

    kind: str
    file: str
    passphrase_file: str = ""


class Rooms(_Section, frozen=True, kw_only=True):
    """`[rooms]`."""

    gates: Annotated[int, Meta(ge=1, le=64)] = 2
    custodians: Annotated[int, Meta(ge=1, le=64)] = 1
    gate_user: str = ""
    custodian_user: str = ""
    ledger_user: str = ""
    courier_user: str = ""


class Limits(_Section, frozen=True, kw_only=True):
    """`[limits]`."""

    connections_max: Annotated[int, Meta(ge=1, le=65_536)] = limits.CONNECTIONS_MAX


class AWS(_Section, frozen=True, kw_only=True):
    """`[aws]`."""

    clock_window_seconds: Annotated[int, Meta(ge=1, le=limits.SIGNATURE_SECONDS_MAX)] = (
        limits.SIGNATURE_SECONDS
    )


class Log(_Section, frozen=True, kw_only=True):
    """`[log]`."""

    requests: bool = False


class Audit(_Section, frozen=True, kw_only=True):
    """`[audit]`."""

    anchor: str = ""
    origin: str = ""
    keep_days: Annotated[int, Meta(ge=0, le=limits.KEEP_DAYS_MAX)] = 0
    witnesses_required: Annotated[int, Meta(ge=0, le=limits.WITNESSES_MAX)] = 0
    witnesses: tuple[WitnessSettings, ...] = ()


class Config(_Section, frozen=True, kw_only=True):
    """The file. `load` makes its paths absolute and checks what can be checked without starting."""

    server: Server = Server()
    store: StoreSection
    seal: SealSection
    rooms: Rooms = Rooms()
    limits: Limits = Limits()
    aws: AWS = AWS()
    log: Log = Log()
    audit: Audit = Audit()
    sinks: tuple[SinkSettings, ...] = ()
    watch: dict[str, dict[str, bool | int | str]] = {}


class Address(msgspec.Struct, frozen=True):
    """Where to listen."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def text(self) -> str:
        """As in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """`127.0.0.1:7600`, `[::1]:7600` or `localhost:7600`. Raises `ConfigRefused`."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if host == "localhost":
        host = "127.0.0.1"
    try:
        ipaddress.ip_address(host)
        number = int(port) if port.isascii() and port.isdecimal() else -1
    except ValueError:
        number = -1
    if not colon or not 0 <= number < 65_536:  # noqa: PLR2004 - a port has 16 bits
        raise ConfigRefused(
            f"{text!r} is not an address to listen on;"
            " it would be like 127.0.0.1:7600 or [::1]:7600"
        )
    return Address(host, number)


def load(path: Path) -> Config:
    """The configuration. Raises `ConfigRefused`."""
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise ConfigRefused(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigRefused(f"{path} is not TOML: {error}") from error
    try:
        config = msgspec.convert(found, Config)
    except msgspec.ValidationError as error:
        raise ConfigRefused(f"{path}: {_in_toml(str(error))}") from error
    config = _absolute(config, path.resolve().parent)
    _check(config, path)
    return config


def _absolute(config: Config, base: Path) -> Config:
    def located(text: str) -> str:
        return str(base / text) if text else ""

    replace = msgspec.structs.replace
    return replace(
        config,
        server=replace(
            config.server,
            tls_certificate=located(config.server.tls_certificate),
            tls_key=located(config.server.tls_key),
        ),
        store=replace(config.store, path=located(config.store.path)),
        seal=replace(
            config.seal,
            file=located(config.seal.file),
            passphrase_file=located(config.seal.passphrase_file),
        ),
        audit=replace(
            config.audit,
            anchor=located(config.audit.anchor)
            or str(anchor_beside(Path(located(config.store.path)))),
            witnesses=tuple(
                replace(each, tls_ca=located(each.tls_ca)) for each in config.audit.witnesses
            ),
        ),
        sinks=tuple(
            replace(
                each,
                **{
                    name: located(getattr(each, name))
                    for name in _PATHS_OF_SINKS
                    if hasattr(each, name)
                },
            )
            for each in config.sinks
        ),
    )


def anchor_beside(store: Path) -> Path:
    """Where the anchor is if nobody says otherwise."""
    return store.parent / "anchor"


def _check(config: Config, path: Path) -> None:
    server = config.server
    listen = address(server.listen)
    if bool(server.tls_certificate) is not bool(server.tls_key):
        raise ConfigRefused(f"{path}: server.tls_certificate and server.tls_key go together")
    for name in (server.tls_certificate, server.tls_key):
        if name and not os.access(name, os.R_OK):
            raise ConfigRefused(f"{path}: {name} cannot be read")
    if not (server.tls_key or listen.loopback or server.unsafe_cleartext_beyond_loopback):
        raise ConfigRefused(
            f"{path}: {server.listen} can be reached from other machines, so TLS is needed: set"
            " server.tls_certificate and server.tls_key (or, if a proxy does TLS on a trusted link,"
            " server.unsafe_cleartext_beyond_loopback = true)"
        )
    origin = config.audit.origin
    if origin and not _ORIGIN.fullmatch(origin):
        raise ConfigRefused(
            f"{path}: audit.origin is letters, digits and -._/, at most 200 of them, such as"
            " strongroom.example.com/log"
        )
    if config.seal.kind != "passphrase":
        raise ConfigRefused(f'{path}: seal.kind can only be "passphrase" in this version')
    try:
        outside.check_sinks(config.sinks)
        outside.check_files(config.sinks, _used(config, path))
        outside.check_witnesses(config.audit.witnesses, config.audit.witnesses_required)
        configured(config.watch)
    except ValueError as error:
        raise ConfigRefused(f"{path}: {error}") from error


def _used(config: Config, path: Path) -> list[str]:
    """The files and folders that no sink may write to."""
    store = Path(config.store.path)
    named = [
        str(path), str(store), str(store.parent / "lock"), str(store.parent / "archive"),
        config.audit.anchor, config.seal.file, config.seal.passphrase_file,
        config.server.tls_certificate, config.server.tls_key,
        *(each.tls_ca for each in config.audit.witnesses),
        *(
            getattr(each, name, "")
            for each in config.sinks
            for name in _PATHS_OF_SINKS
            if name != "path"
        ),
    ]  # fmt: skip
    return [name for name in named if name]


def _in_toml(message: str) -> str:
    """The words of msgspec with the setting's path as it is written in TOML."""
    return message.replace("`$.", "`").replace("Object", "The file").replace("`$`", "its top")
