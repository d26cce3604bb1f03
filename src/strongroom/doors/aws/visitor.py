"""One request of a client's: who sent it, and what custodians say to it, in AWS's words."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from strongroom.domain import asks, envelope, sigv4
from strongroom.domain.calls import ANSWER_DECODERS, Call, Reply
from strongroom.domain.errors import (
    InvalidCiphertext,
    InvalidRequest,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    Unauthenticated,
)
from strongroom.domain.iam import specs
from strongroom.domain.lifecycle import State
from strongroom.doors.aws import names, states
from strongroom.doors.aws.errors import NAMES, AWSError
from strongroom.doors.aws.metadata import key_state, metadata
from strongroom.doors.aws.names import Place
from strongroom.ports.custodian import Custodian

_KNOWN_MAX: Final = 1_000

_WRONG: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS"
    " Secret Access Key and signing method. Consult the service documentation for details."
)
_ANOTHER: Final = (
    "The key ID in the request does not identify a CMK that can perform this operation."
)
_INVALID: Final = "The security token included in the request is invalid."
_STATES: Final = {
    State.SUSPENDED: "is disabled",
    State.DEACTIVATED: "is deactivated",
    State.COMPROMISED: "is marked compromised",
    State.DESTRUCTION_SCHEDULED: "is pending deletion",
    State.DESTROYED: "is destroyed",
}

_SILENT: Final = frozenset({"InvalidCiphertextException"})

_pack = msgspec.msgpack.Encoder().encode


class Known(msgspec.Struct, frozen=True):
    """What never changes about an access key: its principal, and the account that this is in."""

    account: str
    principal: str


class Desk:
    """Custodians, and what is known of access keys that proved good once."""

    def __init__(self, custodian: Custodian) -> None:
        self.custodian = custodian
        self._known: dict[str, Known] = {}

    async def visit(self, signature: sigv4.Signature, source: str, request: str) -> "Visitor":
        """Who signed so. Raises `AWSError` for who cannot be told."""
        evidence = sigv4.spell(signature)
        known = self._known.get(signature.access_key)
        if known is None:
            nobody = Visitor(self.custodian, signature, evidence, source, request, Known("", ""))
            who = await nobody.ask("identity.read", asks.Nothing())
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            known = self._known[signature.access_key] = Known(who.account, who.principal)
        return Visitor(self.custodian, signature, evidence, source, request, known)


class Visitor:
    """Asks custodians for whoever signed the request."""

    def __init__(  # noqa: PLR0913 - the parts of a request
        self,
        custodian: Custodian,
        signature: sigv4.Signature,
        evidence: str,
        source: str,
        request: str,
        known: Known,
    ) -> None:
        self._custodian = custodian
        self._signature = signature
        self._evidence = evidence
        self._source = source
        self._request = request
        self._known = known
        self.operation = ""
        self.proven = False  # whether a custodian took the signature for this request
        self.place = Place(known.account, signature.region)

    async def ask(self, operation: str, ask: asks.Ask, name: str = "") -> Any:  # noqa: ANN401 - whichever answer the operation has
        """The answer. `name` is what AWS calls that which is acted on. Raises `AWSError`."""
        return await self.ask_of(
            operation, ask, name, names.target(name, self.place) if name else ""
        )

    async def ask_of(
        self,
        operation: str,
        ask: asks.Ask,
        name: str,
        target: str,
        instead: Callable[[Reply], AWSError | None] = lambda _: None,
    ) -> Any:  # noqa: ANN401 - as above
        """Likewise of what we call `target`, which AWS calls `name`.

        `instead` may know better words for a refusal.
        """
        reply = await self.reply(operation, ask, target)
        if reply.code:
            raise instead(reply) or await self.refusal(reply, operation, name, target)
        return ANSWER_DECODERS[operation][reply.variant].decode(reply.answer)

    async def reply(self, operation: str, ask: asks.Ask, target: str = "") -> Reply:
        """What a custodian says, as it says it."""
        reply = await self._custodian.ask(
            Call(operation, target, self._evidence, self._source, self._request, _pack(ask))
        )
        self.proven = self.proven or reply.code != Unauthenticated.code
        return reply

    async def use(  # noqa: PLR0913 - what is asked, and of which key
        self,
        operation: str,
        ask: asks.Ask,
        name: str,
        usage: str,
        algorithm: str,
        *,
        source: str = "",
    ) -> Any:  # noqa: ANN401 - as above
        """Likewise, for a use of a key that must be for it and of it. Raises `AWSError`.

        `source` is a second key that is used, if any.
        """
        target = names.target(name, self.place)
        reply = await self.reply(operation, ask, target)
        if reply.code == InvalidRequest.code:
            await self.require(name, usage, algorithm)
        if reply.code == KeyNotUsable.code and source and not await self._active(source):
            name = source
        if reply.code:
            raise await self.refusal(reply, operation, name, target)
        return ANSWER_DECODERS[operation][reply.variant].decode(reply.answer)

    async def require(self, name: str, usage: str, algorithm: str) -> None:
        """Raises `AWSError` where a key is for something else, or of another spec."""
        view = await self.view(name)
        spec, arn = specs.spec_of(view.algorithm), self.place.key(bytes.fromhex(view.id))
        has = specs.usage_of(view.purpose)
        if has != usage:
            said = f"{arn} key usage is {has} which is not valid for {self.operation}."
            raise AWSError("InvalidKeyUsageException", said)
        if algorithm not in specs.SPECS[spec].usages[usage]:
            said = f"Algorithm {algorithm} is incompatible with key spec {spec}."
            raise AWSError("InvalidKeyUsageException", said)

    async def view(self, name: str) -> asks.KeyView:
        """The key that is called so, if AWS could have it."""
        view: asks.KeyView = await self.ask("key.read", asks.Nothing(), name)
        metadata(view, self.place)
        if view.state is State.DESTROYED:
            raise names.unknown(name, self.place)
        return view

    async def require_same(self, name: str, key_id: bytes) -> None:
        """Raises `AWSError` where a ciphertext is of another key than the one that was named."""
        if await self.arn(name) != self.place.key(key_id):
            raise AWSError("IncorrectKeyException", _ANOTHER)

    @staticmethod
    def key_of(blob: bytes) -> bytes:
        """The id of the key that a symmetric ciphertext names. Raises `AWSError`."""
        try:
            return envelope.split(blob).key_id
        except InvalidCiphertext:
            raise AWSError("InvalidCiphertextException") from None

    async def arn(self, name: str) -> str:
        """The ARN of the key that is called so."""
        key_id = names.id_in(names.target(name, self.place))
        if not key_id:
            view = await self.ask("key.read", asks.Nothing(), name)
            key_id = bytes.fromhex(view.id)
        return self.place.key(key_id)

    async def refusal(self, reply: Reply, operation: str, name: str, target: str) -> AWSError:
        """A custodian's refusal in AWS's words."""
        if reply.code == Unauthenticated.code:
            return self._unproven(reply.detail)
        if reply.code == NotAllowed.code:
            return self._denied(operation, target)
        if reply.code == NotFound.code:
            return names.unknown(name, self.place)
        if reply.code == KeyNotUsable.code:
            return await self._unusable(name)
        code = NAMES[reply.code]
        return AWSError(code, "" if code in _SILENT else reply.detail)

    def _unproven(self, why: str) -> AWSError:
        if why == sigv4.WRONG:
            return AWSError("InvalidSignatureException", _WRONG)
        if why == sigv4.EXPIRED:
            said = f"Signature expired: {self._signature.time} is too far from now (5 min.)"
            return AWSError("InvalidSignatureException", said)
        if why == sigv4.INCOMPLETE:
            return AWSError("IncompleteSignatureException", why)
        return AWSError("UnrecognizedClientException", _INVALID)

    def _denied(self, operation: str, target: str) -> AWSError:
        key_id = names.id_in(target)
        on = self.place.key(key_id) if key_id else "*"
        user = f"arn:aws:iam::{self._known.account}:user/{self._known.principal}"
        action = f"kms:{self.operation or operation}"
        return AWSError(
            "AccessDeniedException",
            f"User: {user} is not authorized to perform: {action} on resource: {on} because no"
            f" policy allows the {action} action",
        )

    async def _active(self, name: str) -> bool:
        """Whether a key can be used, as far as the caller may know."""
        try:
            view: asks.KeyView = await self.ask("key.read", asks.Nothing(), name)
        except AWSError:
            return True
        return view.state is State.ACTIVE and key_state(view) == "Enabled"

    async def _unusable(self, name: str) -> AWSError:
        """In AWS's words it matters which state a key is in; who may not read it learns less."""
        if not name:
            return AWSError(
                "KMSInvalidStateException", "The key is not in a state that allows this."
            )
        try:
            view = await self.ask("key.read", asks.Nothing(), name)
        except AWSError:
            return AWSError(
                "KMSInvalidStateException", f"{name} is not in a state that allows this."
            )
        arn = self.place.key(bytes.fromhex(view.id))
        if self.operation == "CancelKeyDeletion":
            return AWSError("KMSInvalidStateException", f"{arn} is not pending deletion.")
        if key_state(view) in ("Creating", "PendingImport"):
            return states.refusal(key_state(view), arn)
        code = "DisabledException" if view.state is State.SUSPENDED else "KMSInvalidStateException"
        return AWSError(
            code, f"{arn} {_STATES.get(view.state, 'is not in a state that allows this')}."
        )
