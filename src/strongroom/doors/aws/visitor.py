"""One request of a client's: who sent it, and what custodians say to it, in AWS's words."""

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from strongroom.domain import asks, envelope, sigv4
from strongroom.domain.calls import (
    ANSWER_DECODERS,
    DRY_RUN,
    WRONG,
    About,
    Call,
    Reply,
    Terms,
    spell_terms,
)
from strongroom.domain.errors import (
    InvalidCiphertext,
    InvalidRequest,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    Unauthenticated,
)
from strongroom.domain.iam import specs
from strongroom.domain.lifecycle import IMPORT_AGAIN, State
from strongroom.doors.aws import names, states, words
from strongroom.doors.aws.errors import NAMES, AWSError
from strongroom.doors.aws.metadata import is_known, spec_and_usage
from strongroom.doors.aws.names import Place
from strongroom.doors.aws.needs import Need
from strongroom.ports.custodian import Custodian

_KNOWN_MAX: Final = 1_000

_WRONG: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS"
    " Secret Access Key and signing method. Consult the service documentation for details."
)
_ANOTHER: Final = (
    "The key ID in the request does not identify a CMK that can perform this operation."
)
_ENDED: Final = "The security token included in the request is expired"
_INVALID: Final = "The security token included in the request is invalid."
_WOULD_HAVE: Final = "The request would have succeeded, but the DryRun option is set."
_VERIFIED: Final = {"VerifyMac": "KMSInvalidMacException", "Verify": "KMSInvalidSignatureException"}
_STATES: Final = {
    State.SUSPENDED: "is disabled",
    State.DEACTIVATED: "is disabled for good",
    State.COMPROMISED: "is disabled for good",
    State.DESTRUCTION_SCHEDULED: "is pending deletion",
}

_SILENT: Final = frozenset({"InvalidCiphertextException"})

_TERMS: Final = Terms()
_pack = msgspec.msgpack.Encoder().encode


class Used(NamedTuple):
    """An answer, and the keys that were used for it: what they were at that moment."""

    answer: Any
    key: About
    source: About | None


class Known(msgspec.Struct, frozen=True):
    """What never changes about an access key: its principal, and the account that this is in."""

    account: str
    principal: str


class Desk:
    """Custodians, and what is known of access keys that proved good once."""

    def __init__(self, custodian: Custodian, signature_seconds: int) -> None:
        self.custodian = custodian
        self.signature_seconds = signature_seconds  # as custodians judge it; here, to say so
        self._known: dict[str, Known] = {}

    async def visit(self, signature: sigv4.Signature, source: str, request: str) -> "Visitor":
        """Who signed so. Raises `AWSError` for who cannot be told."""
        evidence = sigv4.spell(signature)
        known = self._known.get(signature.opening.access_key)
        if known is None:
            nobody = Visitor(self, signature, evidence, source, request, Known("", ""))
            who = await nobody.ask("identity.read", asks.Nothing())
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            known = self._known[signature.opening.access_key] = Known(who.account, who.principal)
        return Visitor(self, signature, evidence, source, request, known)


class Visitor:
    """Asks custodians for whoever signed the request.

    `dry`: uses of keys are only tried. `proven`: a custodian took the signature for this request.
    """

    __slots__ = (
        "_custodian", "_evidence", "_known", "_request", "_signature", "_signature_seconds",
        "_source", "dry", "operation", "place", "proven",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - the parts of a request
        self,
        desk: Desk,
        signature: sigv4.Signature,
        evidence: str,
        source: str,
        request: str,
        known: Known,
    ) -> None:
        self._custodian = desk.custodian
        self._signature_seconds = desk.signature_seconds
        self._signature = signature
        self._evidence = evidence
        self._source = source
        self._request = request
        self._known = known
        self.operation = ""
        self.dry = False
        self.proven = False
        self.place = Place(known.account, signature.opening.region)

    @property
    def terms(self) -> Terms:
        """Those of what is only tried in a dry run."""
        return Terms(dry=self.dry)

    async def ask(
        self, operation: str, ask: asks.Ask, name: str = "", terms: Terms = _TERMS
    ) -> Any:  # noqa: ANN401 - whichever answer the operation has
        """The answer. `name` is what AWS calls that which is acted on. Raises `AWSError`."""
        target = names.target(name, self.place) if name else ""
        return await self.ask_of(operation, ask, name, target, terms=terms)

    async def ask_of(  # noqa: PLR0913 - what is asked, and of what
        self,
        operation: str,
        ask: asks.Ask,
        name: str,
        target: str,
        instead: Callable[[Reply], AWSError | None] = lambda _: None,
        terms: Terms = _TERMS,
    ) -> Any:  # noqa: ANN401 - as above
        """Likewise of what we call `target`, which AWS calls `name`.

        `instead` may know better words for a refusal.
        """
        reply = await self.reply(operation, ask, target, terms)
        if reply.code:
            raise instead(reply) or self.refusal(reply, operation, name, target)
        return _answer(operation, reply)

    async def reply(
        self, operation: str, ask: asks.Ask, target: str = "", terms: Terms = _TERMS
    ) -> Reply:
        """What a custodian says, as it says it."""
        spelt = spell_terms(terms)
        reply = await self._custodian.ask(
            Call(operation, target, self._evidence, self._source, self._request, _pack(ask), spelt)
        )
        self.proven = self.proven or reply.code != Unauthenticated.code
        return reply

    async def use(self, operation: str, ask: asks.Ask, name: str, need: Need) -> Used:
        """A use of the key that is called so, and can be used so. Raises `AWSError`.

        With `dry`, always.
        """
        terms = need.terms(dry=self.dry)
        reply = await self.reply(operation, ask, names.target(name, self.place), terms)
        return self.used(operation, reply, name, need)

    def used(self, operation: str, reply: Reply, name: str, need: Need | None) -> Used:
        """What came of it, of the key that AWS calls so. Raises `AWSError`."""
        if reply.code == InvalidRequest.code and reply.key is not None and not _is_gone(reply):
            self.require(reply.key, need)
        if reply.code:
            raise self.refusal(reply, operation, name, names.target(name, self.place))
        if reply.key is None:
            raise RuntimeError("a key was used, and nobody says which")
        return Used(_answer(operation, reply), reply.key, reply.source)

    def require(self, key: About, need: Need | None) -> None:
        """Raises `AWSError` where a key is for something else, or of another spec."""
        arn = self.place.key(key.id)
        spec, has = spec_and_usage(key.algorithm, key.purpose, arn)
        if need is None:
            return
        if has != need.usage:
            said = f"{arn} key usage is {has} which is not valid for {self.operation}."
            raise AWSError("InvalidKeyUsageException", said)
        if need.algorithm not in specs.SPECS[spec].usages[has]:
            said = f"Algorithm {need.algorithm} is incompatible with key spec {spec}."
            raise AWSError("InvalidKeyUsageException", said)

    async def view(
        self, name: str, reading: str = "", told: dict[str, str] | None = None
    ) -> asks.KeyView:
        """The key that is called so, if AWS could have it; of a `reading`, what that shows."""
        terms = Terms(reading=reading, told=tuple((told or {}).items()))
        view: asks.KeyView = await self.ask("key.read", asks.ReadKey(), name, terms)
        if view.state is State.DESTROYED:
            raise names.unknown(name, self.place)
        if not is_known(view):
            spec_and_usage(view.algorithm, view.purpose, self.place.key(names.id_of(view)))
        return view

    @staticmethod
    def require_of(key: About | None, blob: bytes) -> None:
        """Raises `AWSError` where a symmetric ciphertext is of another key than this."""
        named = key_of(blob)
        if key is not None and named and named != key.id:
            raise AWSError("IncorrectKeyException", _ANOTHER)

    def refusal(  # noqa: PLR0911 - one for each kind
        self, reply: Reply, operation: str, name: str, target: str
    ) -> AWSError:
        """A custodian's refusal in AWS's words."""
        if reply.code == DRY_RUN:
            if reply.detail == WRONG:
                return AWSError(_VERIFIED[self.operation])
            return AWSError("DryRunOperationException", _WOULD_HAVE)
        if reply.code == Unauthenticated.code:
            return self._unproven(reply.detail)
        if reply.code == NotAllowed.code:
            key_id = names.id_in(target or (names.target(name, self.place) if name else ""))
            return self.denied(self.operation or operation, key_id)
        if reply.code == NotFound.code or _is_gone(reply):
            return names.unknown(name, self.place)
        if reply.code == KeyNotUsable.code:
            return self._unusable(reply, name)
        code = NAMES[reply.code]
        return AWSError(code, "" if code in _SILENT else self.words(reply, name))

    def words(self, reply: Reply, name: str = "") -> str:
        """What a custodian says, for AWS's clients, of the key that is called so."""
        which = name or "The key"
        if reply.key is not None:
            # Of two, nobody says which it is about.
            which = self.place.key(reply.key.id) if reply.source is None else "The key"
        return words.said(reply, which, self.operation)

    def _unproven(self, why: str) -> AWSError:
        if why == sigv4.WRONG:
            return AWSError("InvalidSignatureException", _WRONG)
        if why == sigv4.EXPIRED:
            return AWSError("InvalidSignatureException", self._not_now())
        if why == sigv4.SESSION_ENDED:
            return AWSError("ExpiredTokenException", _ENDED)
        if why == sigv4.INCOMPLETE:
            return AWSError("IncompleteSignatureException", why)
        return AWSError("UnrecognizedClientException", _INVALID)

    def _not_now(self) -> str:
        """Clients look for the first words, and mend their clock by the header Date."""
        signed, now = self._signature.time, time.time()
        seconds = self._signature_seconds
        if self._signature.seconds < now and self._signature.expires_seconds:
            seconds = self._signature.expires_seconds  # a presigned request says how long
        moved = -seconds if self._signature.seconds < now else seconds
        bound, minutes = sigv4.spell_time(now + moved), f"{seconds / 60:g} min."
        if moved < 0:
            return (
                f"Signature expired: {signed} is now earlier than {bound}"
                f" ({sigv4.spell_time(now)} - {minutes})"
            )
        return (
            f"Signature not yet current: {signed} is still later than {bound}"
            f" ({sigv4.spell_time(now)} + {minutes})"
        )

    def denied(self, action: str, key_id: bytes) -> AWSError:
        """The caller has no right to that action on the key of that id, or on all; empty: no id."""
        on = self.place.key(key_id) if key_id else "*"
        user = f"arn:aws:iam::{self._known.account}:user/{self._known.principal}"
        action = f"kms:{action}"
        return AWSError(
            "AccessDeniedException",
            f"User: {user} is not authorized to perform: {action} on resource: {on} because no"
            f" policy allows the {action} action",
        )

    def _unusable(self, reply: Reply, name: str) -> AWSError:
        """In AWS's words it matters which state a key is in."""
        key = reply.key or reply.source
        if reply.source is not None and reply.source.state is not State.ACTIVE:
            key = reply.source
        if key is None:
            said = f"{name or 'The key'} is not in a state that allows this."
            return AWSError("KMSInvalidStateException", said)
        arn = self.place.key(key.id)
        if key.state is State.DESTROYED:
            return names.unknown(name or arn, self.place)
        if self.operation == "CancelKeyDeletion":
            return AWSError("KMSInvalidStateException", f"{arn} is not pending deletion.")
        if key.state is State.PRE_ACTIVATION:
            state = "Creating" if key.current_version else "PendingImport"
            return states.refusal(state, arn)
        if reply.detail.endswith(IMPORT_AGAIN):
            return states.refusal("PendingImport", arn)
        code = "DisabledException" if key.state is State.SUSPENDED else "KMSInvalidStateException"
        # Of an active key it is its bounds or its material that forbid it.
        said = f"{arn} {_STATES[key.state]}." if key.state in _STATES else self.words(reply)
        return AWSError(code, said)


def key_of(blob: bytes) -> bytes:
    """The id of the key that a symmetric ciphertext names; empty for what is none."""
    try:
        return envelope.split(blob).key_id
    except InvalidCiphertext:
        return b""


def _is_gone(reply: Reply) -> bool:
    """Whether it is about a key that AWS would not remember."""
    return reply.key is not None and reply.key.state is State.DESTROYED


def _answer(operation: str, reply: Reply) -> Any:  # noqa: ANN401 - as above
    return ANSWER_DECODERS[operation][reply.variant].decode(reply.answer)
