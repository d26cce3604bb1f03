"""A namespace's OTP profiles: listed, written, deleted. All of them are one record."""

import hashlib
from typing import Any

import msgspec

from strongroom.domain import limits
from strongroom.domain.asks import Done, Nothing
from strongroom.domain.errors import InvalidRequest, NotFound
from strongroom.domain.operations import Resource
from strongroom.domain.otp import asks
from strongroom.domain.otp.credential import Type
from strongroom.domain.otp.profile import DEFAULT, Profile, Profiles
from strongroom.domain.records import Kind
from strongroom.domain.words import is_name
from strongroom.ports.store import Write
from strongroom.services.authorize import Permit, Visit
from strongroom.services.books import Details
from strongroom.services.facts import ProfilesFact
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.suites import parsed


class OTPProfiles:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def list(self, visit: Visit, ask: Nothing) -> asks.OTPProfileList:
        """All of them, with the default one whether somebody wrote it or not."""
        del ask
        permit = self._parts.authorizer.permit(visit, Resource.NAMESPACE)
        fact = await self._parts.facts.otp_profiles(permit.namespace.id)
        names = sorted({DEFAULT, *fact.body.profiles})
        views = [_view(name, fact.named(name), fact.body.revisions.get(name, 0)) for name in names]
        await self._parts.books.allowed(permit, {"count": len(views)})
        return asks.OTPProfileList(views)

    async def write(self, visit: Visit, ask: asks.WriteProfile) -> asks.OTPProfileView:
        """A profile as a whole; it holds at once and everywhere."""
        permit = self._parts.authorizer.permit(visit, Resource.NAMESPACE)
        name = visit.target
        if not is_name(name):
            raise InvalidRequest("a profile's name is 1 to 63 of a-z, 0-9, '.', '_', '-'")
        fact = await self._known(permit)
        profile = _profile(ask)
        body = fact.body
        if name not in body.profiles and len(body.profiles) >= limits.OTP_PROFILES_MAX:
            raise InvalidRequest(f"a namespace has at most {limits.OTP_PROFILES_MAX} OTP profiles")
        revision = fact.revision + 1
        changed = Profiles({**body.profiles, name: profile}, {**body.revisions, name: revision})
        digest = hashlib.sha256(msgspec.json.encode(profile)).hexdigest()
        await self._keep(permit, fact, changed, {"profile": name, "digest": digest})
        return _view(name, profile, revision)

    async def delete(self, visit: Visit, ask: Nothing) -> Done:
        """Take a profile away; its credentials go on by the default one."""
        del ask
        permit = self._parts.authorizer.permit(visit, Resource.NAMESPACE)
        fact = await self._known(permit)
        name = visit.target
        if name not in fact.body.profiles:
            raise NotFound
        profiles, revisions = dict(fact.body.profiles), dict(fact.body.revisions)
        del profiles[name], revisions[name]
        await self._keep(permit, fact, Profiles(profiles, revisions), {"profile": name})
        return Done()

    async def _known(self, permit: Permit) -> ProfilesFact:
        fact = await self._parts.facts.otp_profiles(permit.namespace.id)
        # Who changed another profile meanwhile loses nothing: it is decided again.
        permit.visit.facts.append(fact.fact)
        return fact

    async def _keep(
        self, permit: Permit, fact: ProfilesFact, body: Profiles, details: Details
    ) -> None:
        namespace = permit.namespace.id
        record = self._parts.facts.sealing.seal(
            Kind.OTP_PROFILES, namespace, body, namespace=namespace, revision=fact.revision + 1,
            request=permit.visit.request,
        )  # fmt: skip
        await self._parts.books.allowed(permit, details, writes=(Write(record, fact.revision),))


def _profile(ask: asks.WriteProfile) -> Profile:
    given: dict[str, Any] = {
        name: getattr(ask, name) for name in ask.__struct_fields__ if name != "algorithm"
    }
    profile = Profile(hash=ask.algorithm, **given)
    if profile.delay_seconds > profile.delay_max_seconds:
        raise InvalidRequest(
            "the first delay is longer than the longest one", "$.delay_max_seconds"
        )
    if profile.type is not Type.OCRA:
        if profile.suite:
            raise InvalidRequest("a suite is for profiles of type ocra", "$.suite")
        return profile
    suite = parsed(profile.suite)
    return msgspec.structs.replace(profile, hash=suite.hash, digits=suite.digits)


def _view(name: str, profile: Profile, revision: int) -> asks.OTPProfileView:
    given: dict[str, Any] = {
        field: getattr(profile, field) for field in Profile.__struct_fields__ if field != "hash"
    }
    return asks.OTPProfileView(name=name, revision=revision, algorithm=profile.hash, **given)
