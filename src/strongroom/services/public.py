"""What is no secret: public keys, and random bytes, which are nobody's yet."""

from msgspec import UNSET

from strongroom.domain import uses
from strongroom.domain.algorithms import ALGORITHMS, Kind
from strongroom.domain.errors import InvalidRequest, NotFound
from strongroom.domain.operations import Resource
from strongroom.ports.provider import Provider
from strongroom.ports.randomness import Randomness
from strongroom.services.authorize import Authorizer, Visit
from strongroom.services.books import Books
from strongroom.services.facts import Facts
from strongroom.services.keyring import Keyring


class Public:
    """Hands out what is no secret, on record all the same."""

    def __init__(  # noqa: PLR0913 - what it does that with
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        provider: Provider,
        randomness: Randomness,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._public_keys = provider.public_keys
        self._randomness = randomness

    async def key(self, visit: Visit, ask: uses.ReadPublicKey) -> uses.PublicKey:
        """A public key, in any state: who has it has it."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = permit.known_key()
        if ALGORITHMS[key.body.algorithm].kind is not Kind.ASYMMETRIC:
            raise InvalidRequest(f"a key of {key.body.algorithm} has no public half")
        await self._keyring.whole(permit)
        number = key.body.current_version if ask.key_version is UNSET else ask.key_version
        version = await self._facts.version(key, number)
        if version is None:
            raise NotFound
        algorithm, public = version.body.algorithm, version.body.public
        jwk = self._public_keys.jwk(algorithm, public)
        await self._books.allowed(permit, version=number)
        return uses.PublicKey(
            name=key.name,
            key_version=number,
            algorithm=algorithm,
            der=public,
            pem=self._public_keys.pem(public),
            jwk=UNSET if jwk is None else jwk,
        )

    async def random(self, visit: Visit, ask: uses.GenerateRandom) -> uses.Randomness:
        """Bytes from the kernel's generator."""
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        content = self._randomness.bytes(ask.bytes)
        await self._books.allowed(permit, {"bytes": ask.bytes})
        return uses.Randomness(content)
