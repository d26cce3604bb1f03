"""Rows of credentials: opened after their MAC was checked, sealed with a new one.

A row moves with every attempt, so nothing of it is remembered: it is read for each.
"""

import hmac
from functools import lru_cache
from typing import Final

import msgspec

from strongroom.domain.binding import bind
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.otp.credential import (
    DECOY,
    MAC_BYTES,
    USER_BYTES,
    Body,
    CredentialRow,
    Hash,
    Secret,
    State,
    Type,
)
from strongroom.ports.provider import NamespaceHandle, Provider
from strongroom.ports.store import ANY_REVISION, Move

_encode = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Body)
_STATES: Final = {state.value: state for state in State}  # `State` itself takes ten times as long
_DECOYS: Final = 64  # rows of a namespace that stand in for credentials that are not there
_DECOY_BYTES: Final = 112  # as long as a usual body


class Held(msgspec.Struct, frozen=True):
    """A credential as it was read. `user` is the pseudonym; `state` the row's."""

    id: bytes
    namespace: bytes
    user: bytes
    revision: int
    state: State
    body: Body


class Rows:
    """Seals and opens the rows of one deployment."""

    def __init__(self, provider: Provider, deployment: bytes) -> None:
        self._provider = provider
        self.deployment = deployment
        self._secrets = bind(b"strongroom/otp-secret/1", deployment)

    def open(self, row: CredentialRow, *, expected: tuple[bytes, bytes]) -> Held:
        """The credential in an untouched row. Raises `TamperedRecord` for any other.

        `expected` are the namespace and the id that were asked for: a store that answers with
        another row is not believed.
        """
        if (row.namespace, row.id) != expected or not hmac.compare_digest(self._mac(row), row.mac):
            raise TamperedRecord
        if row.state == DECOY:
            raise TamperedRecord  # nobody is told its id
        return Held(
            row.id, row.namespace, row.user, row.revision, _STATES[row.state],
            _decoder.decode(row.body),
        )  # fmt: skip

    def next(self, held: Held, body: Body, state: State | None = None) -> Move:
        """The move to the credential's next revision; in the same state, or in another."""
        row = self._sealed(
            held.id, held.namespace, held.user, held.revision + 1, state or held.state, body
        )
        return Move(row, held.revision)

    def new(
        self, credential_id: bytes, *, namespace: bytes, user: bytes, state: State, body: Body
    ) -> Move:
        """The move that keeps a credential that was not there."""
        return Move(self._sealed(credential_id, namespace, user, 1, state, body), 0)

    def decoy(self, namespace: bytes, handle: NamespaceHandle, wanted: bytes) -> Move:
        """What is moved where there is no credential to move: as much work for the store.

        Which of the namespace's decoys it is follows from the id that was asked for.
        """
        digest = handle.pseudonym("otp-decoy", wanted)
        number = digest[0] % _DECOYS
        decoy_id = handle.pseudonym("otp-decoy", bytes([number]))[: len(wanted)]
        filler = (digest * (_DECOY_BYTES // len(digest) + 1))[:_DECOY_BYTES]
        row = CredentialRow(decoy_id, namespace, b"", 1, DECOY, 0, filler)
        return Move(msgspec.structs.replace(row, mac=self._mac(row)), ANY_REVISION)

    def binding(self, namespace: bytes, credential_id: bytes, body: Body, generation: int) -> bytes:
        """What that generation's secret is wrapped with: all that its codes depend on."""
        kind = _kind(body.type, body.hash, body.digits, body.period, body.suite)
        return self._secrets + bind(namespace, credential_id, generation.to_bytes(4, "big")) + kind

    def label_binding(self, namespace: bytes, credential_id: bytes) -> bytes:
        """What a link's label is wrapped with."""
        return bind(b"strongroom/otp-label/1", self.deployment, namespace, credential_id)

    def _sealed(  # noqa: PLR0913 - a row's columns
        self,
        credential_id: bytes,
        namespace: bytes,
        user: bytes,
        revision: int,
        state: State,
        body: Body,
    ) -> CredentialRow:
        row = CredentialRow(
            credential_id, namespace, user, revision, state, due_us(state, body), _encode(body)
        )
        return CredentialRow(
            row.id, row.namespace, row.user, row.revision, row.state, row.due_us, row.body,
            self._mac(row),
        )  # fmt: skip

    def _mac(self, row: CredentialRow) -> bytes:
        return self._provider.mac(row.authenticated(self.deployment))[:MAC_BYTES]


@lru_cache(maxsize=256)
def _kind(type_: Type, hash_: Hash, digits: int, period: int, suite: str) -> bytes:
    return bind(
        type_.encode(), hash_.encode(), digits.to_bytes(1, "big"), period.to_bytes(2, "big"),
        suite.encode(),
    )  # fmt: skip


def pseudonym(handle: NamespaceHandle, user: str) -> bytes:
    """What is kept of a user's reference: 16 bytes that only this namespace's key can make."""
    return handle.pseudonym("otp-user", user.encode())[:USER_BYTES]


def due_us(state: State, body: Body) -> int:
    """When something is to be done about a credential in that state; 0: never."""
    rotating = len(body.secrets) > 1
    if body.link is None and not rotating and not body.rotates_s:
        return 0  # as it is with nearly all
    if state in (State.REVOKED, State.DESTROYED):
        return 0
    link = body.link.expires_us if body.link is not None else 0
    grace = body.grace_us if rotating else 0
    settled = state is State.ACTIVE and not rotating and body.newest.proved
    rotates = body.rotates_s * 1_000_000 if settled else 0
    return min((at for at in (link, grace, rotates) if at), default=0)


def works(body: Body, now_us: int) -> tuple[Secret, ...]:
    """The generations whose codes are accepted now: both in a rotation, until its grace ends."""
    if len(body.secrets) > 1 and now_us >= body.grace_us:
        return body.secrets[-1:]
    return body.secrets
