"""Where the concrete choices meet.

Data directories are founded and opened here, and become a plan to run. Nothing that could be half
done counts: a new deployment is made beside its place and moved there last.
"""

import asyncio
import errno
import fcntl
import os
import pwd
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from strongroom import __version__
from strongroom.adapters.anchor_directory import AnchorDirectory
from strongroom.adapters.files import sync_directory, write_private
from strongroom.adapters.seals.key_file import FILE_NAME, KeyFile
from strongroom.adapters.seals.passphrase import PassphraseSeal
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.inspection import SQLiteInspection
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.adapters.system import SystemClock, SystemRandomness
from strongroom.config import Address, Config, address, anchor_beside
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.records import Kind
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import Namespace
from strongroom.domain.times import rfc3339
from strongroom.node import log, moved_clock
from strongroom.node.hardening import harden
from strongroom.node.rooms import Room
from strongroom.node.supervisor import Plan, StartFailed, Supervisor
from strongroom.ports.seal import SealRefused
from strongroom.ports.store import StoreRefused, StoreUnavailable
from strongroom.services import checking, recovery, restoring
from strongroom.services.founding import Founded, begin_log, found
from strongroom.services.log_keys import verifier_of
from strongroom.services.sealing import Sealing
from strongroom.services.standing import standing
from strongroom.services.tenants import FIRST

Restore: TypeAlias = restoring.Restore
Report: TypeAlias = checking.Report

DEV_ENVIRONMENT: Final = "dev.env"
_STORE: Final = "strongroom.db"
_NEW: Final = ".new"
_LISTEN_BACKLOG: Final = 2_048


class CannotStart(Exception):  # noqa: N818 - it says what is the case
    """It cannot be started. One line for people: what is wrong, what would be right."""


class Claim:
    """A data directory that is ours: held by this process until it ends."""

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotStart(f"{directory} cannot be written to: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise CannotStart(f"Strongroom is running in {directory} already") from error

    def release(self) -> None:
        """Let others have it."""
        os.close(self._lock)


def begin() -> None:
    """Before anything else that a server does. May begin the program again."""
    moved_clock.keep_steady()


# --- dev mode -------------------------------------------------------------------------------------


def dev(directory: Path, listen: Address, *, gates: int, custodians: int) -> Plan:
    """Make what is missing in the directory and plan to run it, on loopback only.

    The caller has a `Claim` on the directory. Raises `CannotStart`.
    """
    if not listen.loopback:
        raise CannotStart(
            "dev mode keeps its root key in the open and listens on loopback only,"
            f" not on {listen.text}; see `strongroom init` for everything else"
        )
    listening = listeners(listen, gates)
    port: int = listening[0].getsockname()[1]
    where = Address(listen.host, port)
    try:
        anchor = AnchorDirectory(anchor_beside(directory / _STORE))
        if not (directory / _STORE).exists():
            _found_dev(directory)
            anchor.clear()  # of a database that was here before
        root = KeyFile(directory / FILE_NAME).open()
        _write_environment(directory, f"http://{where.text}")
        looked = _look(directory / _STORE, root, anchor, begins=True)
    except (SealRefused, StoreRefused) as refusal:
        raise CannotStart(str(refusal)) from refusal
    except OSError as error:
        raise CannotStart(f"{directory} cannot be written to: {error.strerror}") from error
    return Plan(
        version=__version__,
        store_path=str(directory / _STORE),
        root=root,
        deployment=looked.deployment,
        first_namespace=looked.first_namespace,
        seal=KeyFile.kind,
        anchor_path=str(anchor.path),
        fenced=looked.fenced,
        listening=listening,
        custodians=custodians,
        metrics_open=True,
        drain_seconds=5,
        ids_given=True,
    )


def _found_dev(directory: Path) -> None:
    key = directory / FILE_NAME
    if not key.exists():
        KeyFile.make(key, SystemRandomness())
    store = directory / _STORE
    tokens = _found_store(store, KeyFile(key).open(), dev=True)
    environment = directory / DEV_ENVIRONMENT
    environment.unlink(missing_ok=True)  # of a founding that was cut short: its tokens open nothing
    lines = [
        *_addresses(""),
        f"STRONGROOM_TOKEN={tokens.administrator}",
        f"STRONGROOM_APP_TOKEN={tokens.application}",
        f"AWS_ACCESS_KEY_ID={tokens.access_key}",
        f"AWS_SECRET_ACCESS_KEY={tokens.secret_access_key}",
        *(f"{name}=us-east-1" for name in ("AWS_REGION", "AWS_DEFAULT_REGION")),
    ]
    write_private(environment, "".join(line + "\n" for line in lines).encode())
    _put_in_place(store)


def _write_environment(directory: Path, url: str) -> None:
    """The same tokens, and the URL of this run. Whole or not at all."""
    path = directory / DEV_ENVIRONMENT
    lines = path.read_text().splitlines()
    addresses = _addresses(url)
    names = tuple(line.partition("=")[0] + "=" for line in addresses)
    wanted = [*addresses, *(line for line in lines if not line.startswith(names))]
    if lines == wanted:
        return
    new = path.with_name(path.name + _NEW)
    new.unlink(missing_ok=True)
    write_private(new, "\n".join([*wanted, ""]).encode())
    new.replace(path)


def _addresses(url: str) -> list[str]:
    return [f"STRONGROOM_URL={url}", f"AWS_ENDPOINT_URL_KMS={url}"]


# --- production -----------------------------------------------------------------------------------


def init(config: Config, passphrase: Sensitive) -> tuple[Founded, tuple[str, ...]]:
    """Found a deployment: the seal's file, the store, the administrator, the log's keys.

    Returns the tokens, and what the log is verified with. Raises `CannotStart`.
    """
    store, seal = Path(config.store.path), Path(config.seal.file)
    if store.exists():
        raise CannotStart(f"{store} exists already: this deployment has been founded")
    anchor = AnchorDirectory(Path(config.audit.anchor))
    claim = Claim(store.parent)
    try:
        if anchor.read().checkpoint:
            raise CannotStart(
                f"{anchor.path} has the checkpoint of another deployment's log;"
                " set audit.anchor to another directory"
            )
        seal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if seal.exists():
            # Of a founding that was cut short: with the same passphrase it goes on from there.
            root = PassphraseSeal(seal, passphrase).open()
        else:
            root = PassphraseSeal.make(seal, passphrase, SystemRandomness()).open()
        tokens = _found_store(store, root, dev=False, origin=config.audit.origin)
        _put_in_place(store)
        vkeys = _look(store, root, anchor, begins=True).vkeys
        _give(store, config.rooms.ledger_user)
    except (SealRefused, StoreRefused) as refusal:
        raise CannotStart(str(refusal)) from refusal
    except OSError as error:
        raise CannotStart(f"{error.filename or store} cannot be made: {error.strerror}") from error
    finally:
        claim.release()
    return tokens, vkeys


def serve(config: Config, passphrase: Sensitive) -> Plan:
    """Open a deployment and plan to run it.

    The caller has a `Claim` on the store's directory. Raises `CannotStart`.
    """
    store = Path(config.store.path)
    if not store.exists():
        raise CannotStart(f"{store} does not exist; `strongroom init` founds a deployment")
    rooms, server = config.rooms, config.server
    for user in (rooms.gate_user, rooms.custodian_user, rooms.ledger_user, rooms.courier_user):
        _known(user)
    try:
        root = PassphraseSeal(Path(config.seal.file), passphrase).open()
        anchor = AnchorDirectory(Path(config.audit.anchor))
        looked = _look(store, root, anchor, begins=True)
        _give(store, rooms.ledger_user)
    except (SealRefused, StoreRefused) as refusal:
        raise CannotStart(str(refusal)) from refusal
    except OSError as error:
        raise CannotStart(
            f"{error.filename or config.audit.anchor} cannot be used: {error.strerror}"
        ) from error
    return Plan(
        version=__version__,
        store_path=config.store.path,
        root=root,
        deployment=looked.deployment,
        first_namespace=looked.first_namespace,
        seal=PassphraseSeal.kind,
        anchor_path=str(anchor.path),
        fenced=looked.fenced,
        listening=listeners(address(server.listen), rooms.gates),
        custodians=rooms.custodians,
        tls_certificate=server.tls_certificate,
        tls_key=server.tls_key,
        metrics_open=server.metrics_open,
        requests_logged=config.log.requests,
        connections_max=config.limits.connections_max,
        drain_seconds=server.drain_seconds,
        signature_seconds=config.aws.clock_window_seconds,
        gate_user=rooms.gate_user,
        custodian_user=rooms.custodian_user,
        ledger_user=rooms.ledger_user,
        courier_user=rooms.courier_user,
        sinks=config.sinks,
        witnesses=config.audit.witnesses,
        witnesses_required=config.audit.witnesses_required,
        keep_days=config.audit.keep_days,
        watch=config.watch,
    )


def recover(config: Config, passphrase: Sensitive, *, without_policies: bool) -> tuple[str, str]:
    """A new administrator's name and token, while nothing runs. Raises `CannotStart`."""
    path = Path(config.store.path)
    if not path.exists():
        raise CannotStart(f"{path} does not exist; `strongroom init` founds a deployment")
    claim = Claim(path.parent)
    try:
        root = PassphraseSeal(Path(config.seal.file), passphrase).open()
        anchor = AnchorDirectory(Path(config.audit.anchor))
        fenced = _look(path, root, anchor, begins=False).fenced
        if fenced:
            raise CannotStart(fenced)
        store = SQLiteStore.open(str(path))
        try:
            return recovery.recover(
                store,
                SoftwareProvider(root),
                SystemRandomness(),
                now_us=SystemClock().now_us(),
                without_policies=without_policies,
            )
        finally:
            store.close()
            _give(path, config.rooms.ledger_user)
    except (SealRefused, StoreRefused, recovery.CannotRecover) as refusal:
        raise CannotStart(str(refusal)) from refusal
    except (StoreUnavailable, TamperedRecord) as error:
        raise CannotStart(f"{path} cannot be changed: {error}") from error
    finally:
        claim.release()


def accept_restore(
    config: Config,
    passphrase: Sensitive,
    agreed: Callable[[Restore], bool],
    *,
    with_rows: bool,
) -> restoring.Accepted | None:
    """Go on from a restored database, if `agreed` says so; None: it did not. See the service.

    Raises `CannotStart`, also when there is nothing to accept.
    """
    path = Path(config.store.path)
    if not path.exists():
        raise CannotStart(f"{path} does not exist; put the restored database there")
    anchor = AnchorDirectory(Path(config.audit.anchor))
    claim = Claim(path.parent)
    try:
        root = PassphraseSeal(Path(config.seal.file), passphrase).open()
        if not _look(path, root, anchor, begins=False).fenced:
            raise CannotStart("this database is the one that was signed last: nothing to accept")
        store = SQLiteStore.open(str(path))
        try:
            return _accept(store, root, anchor, agreed, with_rows=with_rows)
        finally:
            store.close()
            _give(path, config.rooms.ledger_user)
    except (SealRefused, StoreRefused, restoring.CannotAccept) as refusal:
        raise CannotStart(str(refusal)) from refusal
    except (StoreUnavailable, TamperedRecord) as error:
        raise CannotStart(f"{path} cannot be changed: {error}") from error
    except OSError as error:
        raise CannotStart(f"{error.filename or anchor.path}: {error.strerror}") from error
    finally:
        claim.release()


def _accept(
    store: SQLiteStore,
    root: Sensitive,
    anchor: AnchorDirectory,
    agreed: Callable[[Restore], bool],
    *,
    with_rows: bool,
) -> restoring.Accepted | None:
    work = restoring.Restoring(store, SoftwareProvider(root), SystemRandomness(), anchor.read())
    restore = work.look()
    if not agreed(restore):
        return None
    now_us = SystemClock().now_us()
    accepted = work.accept(now_us=now_us, with_rows=with_rows)
    anchor.make()
    former = f"checkpoint-{rfc3339(now_us)[:19].replace(':', '')}"
    anchor.begin_anew(accepted.checkpoint, accepted.destructions, accepted.offset, former)
    store.keep_checkpoints(accepted.served)
    return accepted


def fsck(
    config: Config,
    passphrase: Sensitive,
    watched: Callable[[int], AbstractContextManager[Callable[[int], None]]],
) -> Report:
    """Compute everything anew, while nothing runs; nothing is changed. Raises `CannotStart`.

    `watched` is given the number of entries and credentials, and gives what is told of each few
    that are done.
    """
    path = Path(config.store.path)
    if not path.exists():
        raise CannotStart(f"{path} does not exist")
    claim = Claim(path.parent)
    try:
        root = PassphraseSeal(Path(config.seal.file), passphrase).open()
        inspection = SQLiteInspection(str(path))
        try:
            files = AnchorDirectory(Path(config.audit.anchor)).read()
            check = checking.Check(inspection, SoftwareProvider(root), files)
            with watched(inspection.size + inspection.places) as progress:
                return check.run(progress)
        finally:
            inspection.close()
            _give(path, config.rooms.ledger_user)  # SQLite may have made files beside it
    except (SealRefused, StoreRefused, StoreUnavailable) as refusal:
        raise CannotStart(str(refusal)) from refusal
    except OSError as error:
        raise CannotStart(f"{error.filename or path}: {error.strerror}") from error
    finally:
        claim.release()


# --- the parts of both ----------------------------------------------------------------------------


def listeners(listen: Address, gates: int) -> list[socket.socket]:
    """A listening socket for each gate, all on one port; the kernel spreads the connections."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    sockets: list[socket.socket] = []
    try:
        # Shared ports are found in use by nobody, so this one asks alone.
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((listen.host, listen.port))
            port: int = probe.getsockname()[1]
        for _ in range(gates):
            one = socket.socket(family)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind((listen.host, port))
            one.listen(_LISTEN_BACKLOG)
            one.setblocking(False)  # noqa: FBT003 - it takes no keyword
    except OSError as error:
        for one in sockets:
            one.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"{listen.text} is in use by another program; choose another port"
            ) from error
        raise CannotStart(f"cannot listen on {listen.text}: {error.strerror}") from error
    return sockets


def _found_store(path: Path, root: Sensitive, *, dev: bool, origin: str = "") -> Founded:
    """A whole store beside its place."""
    new = _beside(path)
    for leftover in path.parent.glob(new.name + "*"):
        leftover.unlink()
    randomness = SystemRandomness()
    store = SQLiteStore.create(str(new), randomness.bytes(16))
    try:
        now_us = SystemClock().now_us()
        return found(
            store, SoftwareProvider(root), randomness, now_us=now_us, dev=dev, origin=origin
        )
    finally:
        store.close()


def _put_in_place(path: Path) -> None:
    new = _beside(path)
    new.replace(path)
    sync_directory(path.parent)
    Path(f"{new}.lock").unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + _NEW)


class _Looked(NamedTuple):
    """What is in a store. `fenced`: why nothing may be done with it; empty: nothing is wrong."""

    deployment: bytes
    first_namespace: bytes
    fenced: str
    vkeys: tuple[str, ...] = ()


def _look(path: Path, root: Sensitive, anchor: AnchorDirectory, *, begins: bool) -> _Looked:
    """What is in the store; whether this root key is this store's, and it the one signed last.

    With `begins`, a log that has no keys yet gets them, and the anchor its directory. Raises
    `CannotStart`, `OSError`.
    """
    files = anchor.read()
    if begins:
        anchor.make()
    store = SQLiteStore.open(str(path))
    try:
        record = store.find(Kind.NAMESPACE, b"", FIRST)
        if record is None:
            raise CannotStart(f"{path} has no namespace {FIRST!r}: it is damaged")
        provider = SoftwareProvider(root)
        sealing = Sealing(provider, store.deployment)
        body = sealing.open(record, Namespace, expected=(Kind.NAMESPACE, record.id))
        provider.open_namespace_key(body.wrapped_key, sealing.namespace_binding(record.id))
        if files.fenced:
            return _Looked(store.deployment, record.id, files.fenced)
        wrong = standing(store, provider, files)
        if wrong:
            return _Looked(store.deployment, record.id, wrong)
        if not begins:
            return _Looked(store.deployment, record.id, "")
        log_keys = begin_log(
            store, provider, SystemRandomness(), record, now_us=SystemClock().now_us()
        )
        vkeys = verifier_of(log_keys, provider).vkeys
        return _Looked(store.deployment, record.id, "", vkeys)
    except TamperedRecord as refusal:
        raise CannotStart(f"{path} was not made with this root key, or was altered") from refusal
    except StoreUnavailable as error:
        raise CannotStart(f"{path} cannot be read: {error}") from error
    finally:
        store.close()


def _give(store: Path, user: str) -> None:
    """Make the ledger's user the owner of the store and its directory, where SQLite makes files."""
    if not user or os.geteuid() != 0:
        return
    account = _known(user)
    for path in (store.parent, *store.parent.glob(store.name + "*")):
        os.chown(path, account.pw_uid, account.pw_gid)


def _known(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user or "root")
    except KeyError:
        raise CannotStart(f"there is no user {user!r} on this machine") from None


def run(plan: Plan, ready: Callable[[], None]) -> None:
    """Run the plan until SIGTERM or SIGINT; return when everything has stopped in order.

    Raises `CannotStart` when it does not come up.
    """
    log.begin("supervisor")
    measures = harden(Room.SUPERVISOR, keep=None)
    try:
        asyncio.run(Supervisor(plan, measures).run(ready))
    except StartFailed as failed:
        raise CannotStart(
            f"Strongroom did not come up: {failed}; the lines above say why"
        ) from failed
