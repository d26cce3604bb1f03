"""Credentials are described and listed."""

from strongroom.domain.asks import Nothing
from strongroom.domain.operations import Resource
from strongroom.domain.otp import asks
from strongroom.services.authorize import Visit
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.selecting import page
from strongroom.services.otp.views import shown


class Lists:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def read(self, visit: Visit, ask: Nothing) -> asks.CredentialView:
        """A credential as it is now."""
        del ask
        permit = self._parts.authorizer.permit_credential(visit, visit.target)
        held = await self._parts.find(permit, visit.target)
        profiles = await self._parts.facts.otp_profiles(permit.namespace.id)
        await self._parts.books.allowed(permit)
        return shown(held, profiles.named(held.body.profile), visit.time_us)

    async def list(self, visit: Visit, ask: asks.ListCredentials) -> asks.CredentialPage:
        """A page of those that a filter means."""
        permit = self._parts.authorizer.permit(visit, Resource.NAMESPACE)
        profiles = await self._parts.facts.otp_profiles(permit.namespace.id)
        found = await page(self._parts, permit, ask, limit=ask.limit, page_token=ask.page_token)
        views = [
            shown(held, profiles.named(held.body.profile), visit.time_us) for held in found.found
        ]
        await self._parts.books.allowed(permit, {"count": len(views)})
        return asks.CredentialPage(views, found.next)
