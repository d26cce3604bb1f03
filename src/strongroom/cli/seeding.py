"""A seed comes into a development server: by the administrator, as anybody would make keys.

For each key, in this order, whatever is done already being passed over:

1. It is made, with its id.
2. Its material is imported, wrapped for a key of the server's.
3. Labels, description and state are as the file says.
4. Its aliases lead to it.
"""

import os
import signal
import threading
from collections.abc import Callable

from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, sentence
from strongroom.client import wrapping
from strongroom.client.problems import ClientError, ProblemError
from strongroom.client.synchronous import Client
from strongroom.domain import asks
from strongroom.domain.errors import NotFound
from strongroom.domain.words import ID_PREFIX
from strongroom.seeds import SeedKey

_SUSPENDED = "suspended"
_WRAPPING_KEY = "rsa-2048"  # made in a twentieth of a second, and used once


class Planting:
    """Seeds from a thread of its own: the server that it asks has its supervisor in this process.

    `done` is called when all keys are there. When one cannot be, the process is told to stop, and
    `require_done` says why.
    """

    def __init__(self, keys: list[SeedKey], url: str, token: str, done: Callable[[], None]) -> None:
        self._keys = keys
        self._done = done
        # Made now: what is loaded for it is loaded before the server is hardened.
        self._client = Client(url, token)
        self._why = ""

    def begin(self) -> None:
        """Begin, and return."""
        if not self._keys:
            self._done()
            return
        threading.Thread(target=self._run, name="seed", daemon=True).start()

    def require_done(self) -> None:
        """Raises `CommandError` when a key could not be made."""
        if self._why:
            raise CommandError(Failure(Exit.REFUSED, self._why))

    def _run(self) -> None:
        try:
            plant(self._client, self._keys)
        except SeedFailed as failed:
            self._why = sentence(str(failed))
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            self._done()


class SeedFailed(Exception):  # noqa: N818 - it says what is the case
    """A key of the file could not be made. The text says which, and why."""


def plant(client: Client, keys: list[SeedKey]) -> None:
    """Have the keys. Can be repeated. Raises `SeedFailed`."""
    for key in keys:
        try:
            _plant(client, key)
        except ClientError as error:
            said = error.detail if isinstance(error, ProblemError) else str(error)
            raise SeedFailed(f"the seed's {key.where} ({key.name}): {said}") from error


def _plant(client: Client, key: SeedKey) -> None:
    view = _made(client, key)  # 1
    if key.material is not None and not view.current_version:
        view = _imported(client, key)  # 2
    if view.labels != key.labels or view.description != key.description:  # 3
        view = client.update_key(view.name, labels=key.labels, description=key.description)
    if key.enabled and view.state == _SUSPENDED:
        client.enable_key(view.name)
    elif not key.enabled and view.state != _SUSPENDED:
        client.disable_key(view.name)
    for alias in key.aliases:  # 4
        if _named(client, f"alias:{alias}") != key.id:
            client.write_alias(alias, view.name)


def _made(client: Client, key: SeedKey) -> asks.KeyView:
    origin = "generated" if key.material is None else "imported"
    try:
        view = client.read_key(ID_PREFIX + key.id)
    except ProblemError as error:
        if error.code != NotFound.code:
            raise
        return client.create_key(
            key.name, key_id=key.id, algorithm=key.algorithm, purpose=key.purpose,
            origin=origin, labels=key.labels, description=key.description,
        )  # fmt: skip
    wanted = (key.name, key.algorithm, key.purpose, origin)
    if (view.name, view.algorithm, view.purpose, view.origin) != wanted:
        raise SeedFailed(
            f"the seed's {key.where} ({key.name}) is there already as another:"
            f" {view.name}, {view.algorithm} for {view.purpose}, {view.origin};"
            " give it another id, or begin with an empty folder"
        )
    return view


def _imported(client: Client, key: SeedKey) -> asks.KeyView:
    if key.material is None:
        raise RuntimeError("there is no material to import")
    parameters = client.import_parameters(key.name, wrapping_key=_WRAPPING_KEY)
    material = wrapping.material_in(key.material.reveal())
    return client.import_material(
        key.name, wrapping.wrapped(material, parameters.public_key),
        import_token=parameters.import_token,
    )  # fmt: skip


def _named(client: Client, name: str) -> str:
    """The id of what is called so; empty for nothing."""
    try:
        return client.read_key(name).id
    except ProblemError as error:
        if error.code != NotFound.code:
            raise
        return ""
