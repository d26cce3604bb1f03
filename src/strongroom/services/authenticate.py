"""Who is it? By a token, which is a secret, or by a signature that a secret made."""

import hmac
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from strongroom.domain import limits, sigv4, tokens
from strongroom.domain.errors import TamperedRecord, Unauthenticated
from strongroom.domain.keyed import KeyedHash
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.clock import Clock
from strongroom.services.authorize import Visit
from strongroom.services.facts import Facts, NamespaceFact, PrincipalFact, TokenFact

_SECOND_US: Final = 1_000_000
_SIGNING_KEYS_MAX: Final = 16  # of an access key: as many regions as one client asks for in a day


class _Verified(NamedTuple):
    """A signature that proved right, and the facts that it was held against.

    A fact that changes is forgotten and read anew, as another object: held against that, it has
    proven nothing.
    """

    signature: sigv4.Signature
    token: TokenFact
    namespace: NamespaceFact


class Authenticator:
    """Finds out who a visitor is."""

    def __init__(
        self, facts: Facts, clock: Clock, *, signature_seconds: int = limits.SIGNATURE_SECONDS
    ) -> None:
        self._facts = facts
        self._clock = clock
        self._signature_seconds = signature_seconds
        # Digests of tokens that proved good once, and the ids in them: taking a token's text apart
        # costs more than encrypting. Whether it is good now is asked each time all the same.
        self._seen: dict[bytes, tuple[bytes, str]] = {}
        # Evidence whose signatures proved right once; with a session's token in it, which is a
        # secret, its digest. Whether the facts that they were held against are the present ones,
        # and whether it is still time, is asked each time.
        self._verified: dict[bytes | str, _Verified] = {}

    async def authenticate(self, visit: Visit, evidence: str) -> None:
        """Fill in who the visitor is. Raises `Unauthenticated`, the same whatever a token lacks.

        Of a signature it says what is wrong: clients mend their clock by that, and the id of an
        access key is no secret.
        """
        # 1. and 2.
        token, namespace = await (
            self._signed(visit, evidence)
            if evidence.startswith(sigv4.EVIDENCE)
            else self._borne(visit, evidence)
        )
        visit.token = token
        principal = await self._facts.principal(token.body.principal)
        visit.facts.append(principal.fact)
        visit.principal = principal
        if principal.namespace != token.namespace:
            raise TamperedRecord
        # 3. It is good now, and so is its owner.
        if (
            token.body.revoked
            or self._clock.now_us() >= token.body.expires_us
            or principal.body.disabled
        ):
            raise Unauthenticated
        # 4. It is for this namespace, or for another Region of its account.
        if visit.region and namespace.body.region not in ("", visit.region):
            namespace = await self._enter_region(visit, namespace, principal)
        # 5. The rules that will be weighed.
        visit.policies = await self._facts.policies(namespace.id)
        visit.facts.append(visit.policies.fact)

    async def _enter_region(
        self, visit: Visit, namespace: NamespaceFact, owner: PrincipalFact
    ) -> NamespaceFact:
        """Where the visit is: who signs for another Region is, there, the principal of that name.

        Raises `Unauthenticated`, the same whether there is no such Region, no such principal, or
        one that is disabled. The visit stays in the namespace of its access key then.
        """
        there = await self._facts.region(namespace, visit.region, visit.facts)
        namesake = there and await self._facts.namesake(there.id, owner.name)
        if namesake:
            visit.facts.append(namesake.fact)
        if not there or not namesake or namesake.body.disabled:
            raise Unauthenticated(sigv4.UNKNOWN_KEY)
        visit.namespace, visit.principal = there, namesake
        return there

    async def _borne(self, visit: Visit, evidence: str) -> tuple[TokenFact, NamespaceFact]:
        # 1. A token of the right form, that we know.
        digest = tokens.digest(evidence)
        token_id, text_id = self._seen.get(digest) or _ids(evidence)
        token = await self._facts.token(token_id, text_id)
        if token is None:
            raise Unauthenticated
        namespace = await self._enter(visit, token)
        # 2. Its secret is right. Before that, nothing of the token is believed. An access key has
        # no hash, so none is equal to it.
        if not hmac.compare_digest(digest, token.body.hash):
            raise Unauthenticated
        self._see(digest, token_id, text_id)
        return token, namespace

    async def _signed(self, visit: Visit, evidence: str) -> tuple[TokenFact, NamespaceFact]:
        # 1. An access key that we know.
        name = tokens.digest(evidence) if sigv4.has_session(evidence) else evidence
        known = self._verified.get(name)
        try:
            signature = sigv4.parse(evidence) if known is None else known.signature
            signed_us = signature.seconds * _SECOND_US
        except sigv4.NotSignedError as error:
            raise Unauthenticated(sigv4.INCOMPLETE) from error
        ids = _access_key_ids(signature.opening.access_key)
        token = ids and await self._facts.token(*ids)
        if not token or not token.body.secret:
            raise Unauthenticated(sigv4.UNKNOWN_KEY)
        namespace = await self._enter(visit, token)
        # 2. Signed with its secret, for us, and now; in a session, with its token, while it lasts.
        if known is None or known.token is not token or known.namespace is not namespace:
            signature = sigv4.parse(evidence) if known is not None else signature
            _require_session(token, signature)
            if not signature.is_by(self._signing_key(namespace, token, signature)):
                raise Unauthenticated(sigv4.WRONG)
            if signature.session:  # a secret is not kept
                signature = msgspec.structs.replace(signature, session="")
            self._verify(name, _Verified(signature, token, namespace))
        early_us = signed_us - self._signature_seconds * _SECOND_US
        good_us = (signature.expires_seconds or self._signature_seconds) * _SECOND_US
        if not early_us <= visit.time_us <= signed_us + good_us:
            raise Unauthenticated(sigv4.EXPIRED)
        if token.body.session and self._clock.now_us() >= token.body.expires_us:
            raise Unauthenticated(sigv4.SESSION_ENDED)
        visit.region = signature.opening.region
        return token, namespace

    def _verify(self, name: bytes | str, verified: "_Verified") -> None:
        """Remember. Equal signatures come within a second or so: the oldest half can go."""
        if len(self._verified) >= limits.CACHED_SIGNATURES_MAX:
            for old in list(self._verified)[: limits.CACHED_SIGNATURES_MAX // 2]:
                del self._verified[old]
        self._verified[name] = verified

    async def _enter(self, visit: Visit, token: TokenFact) -> NamespaceFact:
        visit.facts.append(token.fact)
        visit.namespace = namespace = await self._facts.namespace(token.namespace)
        visit.facts.append(namespace.fact)
        return namespace

    def _signing_key(
        self, namespace: NamespaceFact, token: TokenFact, signature: sigv4.Signature
    ) -> KeyedHash:
        """Of that day and region. Kept with the token: making one costs more than comparing."""
        known = token.signing_keys.get(signature.opening.scope)
        if known is not None:
            return known
        binding = self._facts.sealing.access_key_binding(token.namespace, token.id)
        secret = Sensitive(namespace.handle.concealed(token.body.secret, binding))
        key = sigv4.signing_key(
            secret, signature.opening.date, signature.opening.region, signature.opening.service
        )
        made = KeyedHash(key, "sha256")
        if len(token.signing_keys) >= _SIGNING_KEYS_MAX:
            token.signing_keys.clear()
        token.signing_keys[signature.opening.scope] = made
        return made

    def _see(self, digest: bytes, token_id: bytes, text_id: str) -> None:
        if digest not in self._seen:
            if len(self._seen) >= limits.CACHED_PRINCIPALS_MAX:
                self._seen.clear()
            self._seen[digest] = token_id, text_id


def _ids(evidence: str) -> tuple[bytes, str]:
    token_id = tokens.token_id(evidence)
    return token_id, tokens.text_id(token_id)


def _require_session(token: TokenFact, signature: sigv4.Signature) -> None:
    """Raises `Unauthenticated` for an access key of one kind that is used as one of the other.

    The session token is compared whatever the access key is called, and none has the hash of none.
    """
    given = tokens.digest(signature.session) if signature.session else b""
    right = hmac.compare_digest(given, token.body.session)
    # The id in the name is the token's, or it would not have been found.
    kind = tokens.SESSION_KEY_PREFIX if token.body.session else tokens.ACCESS_KEY_PREFIX
    if not (right and signature.opening.access_key.startswith(kind)):
        raise Unauthenticated(sigv4.UNKNOWN_KEY)


@lru_cache(limits.CACHED_SIGNATURES_MAX)
def _access_key_ids(access_key: str) -> tuple[bytes, str] | None:
    token_id = tokens.parse_access_key_id(access_key)
    return None if token_id is None else (token_id, tokens.text_id(token_id))
