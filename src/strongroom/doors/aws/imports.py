"""Material from elsewhere, as AWS takes it: parameters for an import, the import, its end.

The import token is `docs/formats/aws-import-token-1.md`: our ticket, and what AWS's second request
does not say again. Who alters it gets nothing by that, as custodians judge the ticket.
"""

import struct
import time
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from strongroom.domain import asks, transfers
from strongroom.domain.calls import ANSWER_DECODERS, Reply, Terms
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest, KeyNotUsable
from strongroom.domain.iam import specs
from strongroom.domain.readings import VALID_TO
from strongroom.domain.times import DAY_US, microseconds, rfc3339
from strongroom.domain.transfers import Wrapping
from strongroom.doors.aws import names
from strongroom.doors.aws.errors import AWSError, not_found, validation
from strongroom.doors.aws.metadata import (
    DOES_NOT_EXPIRE,
    EXPIRES,
    is_external,
    material_id,
    pending,
    seconds,
)
from strongroom.doors.aws.states import no_primary, require, wrong_origin
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_NEW, _EXISTING = "NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"
_VALID_DAYS_MAX: Final = 365
_SECOND_US: Final = 1_000_000

_WRAPPINGS: Final = {name: wrapping for wrapping, name in specs.WRAPPINGS.items()}
_WRAPPING_KEYS: Final = {name: size for size, name in specs.WRAPPING_KEYS.items()}

_HEAD: Final = b"SRIT\x01"
_TOKEN: Final = struct.Struct(">5s16sBQ")  # the head, the ticket, the wrapping's number, the end
# By the number that stands in tokens: only appended to.
_ORDER: Final = (
    Wrapping.RSA_OAEP_SHA1, Wrapping.RSA_OAEP_SHA256, Wrapping.RSA_AES_KWP_SHA1,
    Wrapping.RSA_AES_KWP_SHA256,
)  # fmt: skip


class _Token(NamedTuple):
    """What an import token says."""

    ticket: str
    wrapping: Wrapping
    expires_us: int

    def spelled(self) -> bytes:
        number = _ORDER.index(self.wrapping)
        return _TOKEN.pack(_HEAD, bytes.fromhex(self.ticket), number, self.expires_us)

    @classmethod
    def of(cls, blob: bytes) -> "_Token":
        """Raises `AWSError` for what is none."""
        if len(blob) != _TOKEN.size:
            raise AWSError("InvalidImportTokenException")
        head, ticket, number, expires_us = _TOKEN.unpack(blob)
        if head != _HEAD or number >= len(_ORDER):
            raise AWSError("InvalidImportTokenException")
        return cls(ticket.hex(), _ORDER[number], expires_us)


async def get_parameters_for_import(at: Visitor, given: Given) -> Given:
    """GetParametersForImport."""
    told = {
        "kms:wrappingalgorithm": given["WrappingAlgorithm"],
        "kms:wrappingkeyspec": given["WrappingKeySpec"],
    }
    view = await _external(at, given, told)
    require(view, at.place, "Enabled", "Disabled", "PendingImport")
    algorithm, size = given["WrappingAlgorithm"], given["WrappingKeySpec"]
    for name, known in ((algorithm, _WRAPPINGS), (size, _WRAPPING_KEYS)):
        if name not in known:
            raise AWSError("UnsupportedOperationException", f"{name} is not supported.")
    _require_fit(specs.spec_of(view.algorithm), algorithm, size)
    ask = transfers.ImportParameters(
        wrapping_key=_WRAPPING_KEYS[size], wrapping=_WRAPPINGS[algorithm]
    )
    made = await at.ask("key.import-parameters", ask, given["KeyId"])
    token = _Token(made.import_token, _WRAPPINGS[algorithm], microseconds(made.expires))
    return {
        "KeyId": at.place.key(names.id_of(view)), "ImportToken": token.spelled(),
        "PublicKey": made.public_key, "ParametersValidTo": seconds(made.expires),
    }  # fmt: skip


async def import_key_material(at: Visitor, given: Given) -> Given:
    """ImportKeyMaterial."""
    expires = _expires(given)
    told = {"kms:expirationmodel": EXPIRES if expires else DOES_NOT_EXPIRE}
    view = await _external(at, given, told | ({VALID_TO: expires} if expires else {}))
    require(view, at.place, "Enabled", "Disabled", "PendingImport")
    token = _Token.of(given["ImportToken"])
    ask = transfers.ImportMaterial(
        import_token=token.ticket, wrapped_material=given["EncryptedKeyMaterial"],
        wrapping=token.wrapping, expires=expires, **_which(at, view, given),
    )  # fmt: skip
    target = names.target(given["KeyId"], at.place)
    # Here a key is both stopped and without material; to AWS it is one at a time, and what lacked
    # material is enabled when that is there.
    reply = await at.reply("key.import", ask, target, Terms(enables=True))
    if reply.code:
        known = _not_taken(at, token, reply) or no_primary(reply, at.place)
        raise known or at.refusal(reply, "key.import", given["KeyId"], target)
    done: Any = ANSWER_DECODERS["key.import"][reply.variant].decode(reply.answer)
    return _answer(at, view, done.imported_version)


async def delete_imported_key_material(at: Visitor, given: Given) -> Given:
    """DeleteImportedKeyMaterial: of the current version, or of that which is named."""
    view = await _external(at, given)
    require(view, at.place, "Enabled", "Disabled", "PendingImport", "PendingDeletion")
    number = view.current_version
    if "KeyMaterialId" in given:
        number = _numbered(view, given["KeyMaterialId"])
        if not number:
            said = f"Key material {given['KeyMaterialId']} is not associated with the key."
            raise not_found(said)
    operation, target = "key.delete-imported-material", names.target(given["KeyId"], at.place)
    ask = asks.OfVersion(key_version=number or UNSET)
    reply = await at.reply(operation, ask, target)
    # To AWS it is no mistake to delete what never came.
    if reply.code and not (reply.code == KeyNotUsable.code and not number):
        raise at.refusal(reply, operation, given["KeyId"], target)
    return _answer(at, view, number)


async def _external(at: Visitor, given: Given, told: dict[str, str] | None = None) -> asks.KeyView:
    """The key. Raises `AWSError` for one whose material is made here."""
    view = await at.view(names.no_alias(given["KeyId"]), at.operation, told)
    if not is_external(view):
        raise wrong_origin(at.place.key(names.id_of(view)), "AWS_KMS")
    return view


def _answer(at: Visitor, view: asks.KeyView, number: int) -> Given:
    key_id = names.id_of(view)
    found: Given = {"KeyId": at.place.key(key_id)}
    if number and _is_symmetric(view):
        found["KeyMaterialId"] = material_id(key_id, number)
    return found


def _is_symmetric(view: asks.KeyView) -> bool:
    return specs.spec_of(view.algorithm) == specs.SYMMETRIC


def _require_fit(spec: str, algorithm: str, size: str) -> None:
    """Raises `AWSError` where material of that spec cannot be wrapped so, for its size."""
    direct = algorithm.startswith("RSAES_")
    if direct and (spec.startswith("RSA_") or (spec, size) == ("ECC_NIST_P521", "RSA_2048")):
        said = f"Key material of {spec} cannot be wrapped with {algorithm} and {size}."
        raise AWSError("UnsupportedOperationException", said)


def _expires(given: Given) -> str:
    """When the material is to expire, as we write it; empty: never. Raises `AWSError`."""
    model, end = given.get("ExpirationModel", EXPIRES), given.get("ValidTo")
    if model == DOES_NOT_EXPIRE:
        if end is not None:
            said = f"A validTo date must not be set if the ExpirationModel is {DOES_NOT_EXPIRE}"
            raise validation(said)
        return ""
    if end is None:
        raise validation(f"A validTo date must be set if the ExpirationModel is {EXPIRES}")
    # In the past, or not: custodians judge that, by their clock.
    latest_us = _now_us() + _VALID_DAYS_MAX * DAY_US
    if not 0 < end * _SECOND_US <= latest_us:
        raise validation(f"ValidTo must be within {_VALID_DAYS_MAX} days from now")
    return rfc3339(int(end * _SECOND_US))


def _now_us() -> int:
    return time.time_ns() // 1_000


def _which(at: Visitor, view: asks.KeyView, given: Given) -> dict[str, Any]:
    """Which of the key's versions the material is for, as we ask for it. Raises `AWSError`."""
    had = view.current_version
    if not _is_symmetric(view):
        for member in ("ImportType", "KeyMaterialDescription", "KeyMaterialId"):
            if member in given:
                said = f"{member} goes with symmetric encryption keys only."
                raise AWSError("UnsupportedOperationException", said)
        return {"key_version": had, "again": True} if had else {}
    which: dict[str, Any] = {}
    if "KeyMaterialDescription" in given:
        which["description"] = given["KeyMaterialDescription"]
    if given.get("ImportType", _EXISTING if had else _NEW) == _NEW:
        if "KeyMaterialId" in given:
            raise validation(f"A KeyMaterialId does not go with the ImportType {_NEW}")
        _require_none_pending(at, view)
        return which | {"waits": True}
    if "KeyMaterialId" in given:
        which["key_version"] = _numbered(view, given["KeyMaterialId"])
    if not had or which.get("key_version") == 0:
        raise AWSError("IncorrectKeyMaterialException", "No such key material was imported before.")
    return which | {"again": True}


def _require_none_pending(at: Visitor, view: asks.KeyView) -> None:
    waiting, key_id = pending(view), names.id_of(view)
    if waiting is not None:
        new, old = (material_id(key_id, waiting.version + more) for more in (1, 0))
        raise AWSError(
            "KMSInvalidStateException",
            f"New key material (id: {new}) cannot be imported into KMS key"
            f" {at.place.key(key_id)}, because another key material (id: {old}) is pending"
            " rotation.",
        )


def _numbered(view: asks.KeyView, name: str) -> int:
    """The version whose material is called so; 0: none of the key's."""
    key_id, waiting = names.id_of(view), pending(view)
    last = view.current_version if waiting is None else waiting.version
    for number in range(last, 0, -1):
        if material_id(key_id, number) == name:
            return number
    return 0


def _not_taken(at: Visitor, token: _Token, reply: Reply) -> AWSError | None:
    """Why material was refused, in AWS's words; None for what has nothing to do with imports."""
    if reply.code == InvalidCiphertext.code:
        return AWSError("InvalidCiphertextException")
    if reply.code != InvalidRequest.code:
        return None
    if reply.pointer == "$.import_token":
        # The ticket is not good, whatever the token says: this is only how we say it.
        late = token.expires_us <= _now_us()
        return AWSError("ExpiredImportTokenException" if late else "InvalidImportTokenException")
    if reply.pointer == "$.expires":
        return validation(at.words(reply))
    return AWSError("IncorrectKeyMaterialException", at.words(reply))
