"""A namespace's audit keys: one hides identifiers in its entries, one seals details beside them.

An identifier, such as an address, becomes a token: who reads the log sees that two entries name
the same, and not whom. The text itself is among the entry's details, which are kept encrypted
beside it; the entry has only a salted commitment to them. So the details' key can be erased, and
the details with it, while every entry, every leaf hash and every proof stays what it was.
"""

import hashlib
import re
from typing import Final, NamedTuple

import msgspec

from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.binding import bind
from strongroom.domain.errors import InvalidCiphertext, TamperedRecord
from strongroom.domain.records import Kind, Record
from strongroom.domain.things import AuditKeys
from strongroom.ports.provider import Cipher, MACMaker, NamespaceHandle
from strongroom.services.sealing import Sealing

SOURCE: Final = "source"
"""What kind of identifier the address of a caller is."""

SALT_BYTES: Final = 32
_TOKEN_BYTES: Final = 16  # two of 2^64 identifiers would share one: none of ours do

_COMMITMENT: Final = re.compile("([1-9][0-9]{0,8}):[0-9a-f]{64}")

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Hidden(NamedTuple):
    """Details, sealed: what the entry says, and what is kept beside it."""

    commitment: str
    blob: bytes


class AuditKeysFact:
    """The opened audit keys of a namespace."""

    __slots__ = ("_cipher", "_mac", "body", "fact", "namespace", "revision")

    def __init__(
        self, record: Record, body: AuditKeys, sealing: Sealing, handle: NamespaceHandle
    ) -> None:
        """Raises `TamperedRecord` when a key does not open."""
        self.namespace = record.namespace
        self.fact = record.fact
        self.revision = record.revision
        self.body = body
        mac = handle.open(
            Algorithm.HMAC_SHA256, Purpose.MAC, body.identifiers,
            sealing.audit_key_binding(self.namespace, "identifiers", body.identifiers_generation),
        )  # fmt: skip
        cipher = handle.open(
            Algorithm.AES_256_GCM, Purpose.ENCRYPT_DECRYPT, body.details,
            sealing.audit_key_binding(self.namespace, "details", body.details_generation),
        )  # fmt: skip
        if not (isinstance(mac, MACMaker) and isinstance(cipher, Cipher)):
            raise RuntimeError("the provider opened the audit keys as something else")  # noqa: TRY004 - its mistake
        self._mac = mac
        self._cipher = cipher

    def token(self, text: str, *, kind: str) -> str:
        """`hmac:` and 32 hexadecimal digits: the same for the same text of the same kind.

        Without the key, nobody finds the text, not even by trying all there are. `kind` keeps apart
        what only looks alike: an address is never the same as a user who is called like it.
        """
        message = bind(b"strongroom/identifier/1", kind.encode(), text.encode())
        return "hmac:" + self._mac.mac(message)[:_TOKEN_BYTES].hex()

    def seal(self, details: dict[str, str], *, request: str, salt: bytes) -> Hidden:
        """The details, so that only this key opens them and only for that request's entry."""
        said = salt + _encode(details)
        generation = self.body.details_generation
        blob = self._cipher.encrypt(self.namespace, generation, said, _context(request))
        return Hidden(_commitment(generation, said), blob)

    def open(self, hidden: Hidden, *, request: str) -> dict[str, str] | None:
        """What was sealed; None when the key that sealed it was erased since.

        Raises `TamperedRecord` when it should open and does not, or is not what the entry commits
        to. Which key it was is in the commitment, and so in the log: nobody makes out of details
        that are there ones that were erased.
        """
        form = _COMMITMENT.fullmatch(hidden.commitment)
        if form is None:
            raise TamperedRecord
        if int(form[1]) < self.body.details_generation:
            return None
        try:
            said = self._cipher.decrypt(hidden.blob, _context(request))
        except InvalidCiphertext:
            raise TamperedRecord from None
        if _commitment(self.body.details_generation, said) != hidden.commitment:
            raise TamperedRecord
        return _decode(said[SALT_BYTES:])


def new_audit_keys(
    sealing: Sealing, handle: NamespaceHandle, namespace: bytes, *, request: str, now_us: int
) -> Record:
    """The record of a namespace's first audit keys."""
    body = AuditKeys(
        identifiers=_generated(sealing, handle, namespace, "identifiers", 1),
        details=_generated(sealing, handle, namespace, "details", 1),
        created_us=now_us,
    )
    return sealing.seal(Kind.AUDIT_KEYS, namespace, body, namespace=namespace, request=request)


def replaced_audit_keys(
    sealing: Sealing,
    handle: NamespaceHandle,
    keys: AuditKeysFact,
    *,
    request: str,
    identifiers: bool,
) -> Record:
    """Its next revision: another key for details and, if asked for, another for identifiers."""
    body, namespace = keys.body, keys.namespace
    generation = body.details_generation + 1
    body = msgspec.structs.replace(
        body,
        details=_generated(sealing, handle, namespace, "details", generation),
        details_generation=generation,
    )
    if identifiers:
        generation = body.identifiers_generation + 1
        body = msgspec.structs.replace(
            body,
            identifiers=_generated(sealing, handle, namespace, "identifiers", generation),
            identifiers_generation=generation,
        )
    return sealing.seal(
        Kind.AUDIT_KEYS, namespace, body,
        namespace=namespace, revision=keys.revision + 1, request=request,
    )  # fmt: skip


_ALGORITHMS: Final = {"identifiers": Algorithm.HMAC_SHA256, "details": Algorithm.AES_256_GCM}


def _generated(
    sealing: Sealing, handle: NamespaceHandle, namespace: bytes, part: str, generation: int
) -> bytes:
    binding = sealing.audit_key_binding(namespace, part, generation)
    return handle.generate(_ALGORITHMS[part], binding).wrapped


def _context(request: str) -> dict[str, str]:
    return {"strongroom": "sealed-details/1", "request": request}


def _commitment(generation: int, said: bytes) -> str:
    return f"{generation}:{hashlib.sha256(said).hexdigest()}"
