"""What holds in the caller's own namespace: read it, change it."""

from typing import Any

import msgspec
from msgspec import UNSET

from strongroom.domain import asks
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind
from strongroom.domain.things import Namespace
from strongroom.domain.times import rfc3339
from strongroom.services.audit_keys import new_audit_keys
from strongroom.services.authorize import Authorizer, Visit
from strongroom.services.books import Books, Details, change, creation
from strongroom.services.facts import Facts, NamespaceFact


class Settings:
    """A namespace's settings. There is no way to another namespace's."""

    def __init__(self, *, facts: Facts, authorizer: Authorizer, books: Books) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._books = books

    async def read(self, visit: Visit, ask: asks.Nothing) -> asks.NamespaceSettings:
        """The namespace as it is."""
        del ask
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        namespace = permit.namespace
        await self._books.allowed(permit)
        return _view(namespace, namespace.body, namespace.revision)

    async def update(self, visit: Visit, ask: asks.UpdateNamespace) -> asks.NamespaceSettings:
        """Other settings. They hold at once and everywhere.

        Every decision in the namespace rests on its record, so one that was made by the old
        settings and is not durable yet is made again. Addresses are private from the next entry on.
        """
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        namespace = permit.namespace
        given: dict[str, Any] = {
            name: value for name in ask.__struct_fields__
            if (value := getattr(ask, name)) is not UNSET
        }  # fmt: skip
        body = msgspec.structs.replace(namespace.body, **given)
        record = self._facts.sealing.seal(
            Kind.NAMESPACE,
            namespace.id,
            body,
            namespace=b"",
            name=namespace.name,
            revision=namespace.revision + 1,
            request=visit.request,
        )
        details: Details = {
            "changed": sorted(given),
            "profile": body.profile,
            "destruction_days_min": body.destruction_days_min,
            "publishes_keys": int(body.publishes_keys),
            "private_sources": int(body.private_sources),
            "otp_caller_rate": body.otp_caller_rate,
            "otp_source_rate": body.otp_source_rate,
        }
        writes = [change(record)]
        if body.private_sources and namespace.audit_keys is None:
            keys = new_audit_keys(
                self._facts.sealing, namespace.handle, namespace.id,
                request=visit.request, now_us=visit.time_us,
            )  # fmt: skip
            writes.append(creation(keys))
        await self._books.allowed(permit, details, writes=tuple(writes))
        return _view(namespace, body, record.revision)


def _view(namespace: NamespaceFact, body: Namespace, revision: int) -> asks.NamespaceSettings:
    return asks.NamespaceSettings(
        name=namespace.name,
        id=namespace.id.hex(),
        created=rfc3339(body.created_us),
        account=namespace.account,
        region=body.region,
        profile=body.profile,
        destruction_days_min=body.destruction_days_min,
        publishes_keys=body.publishes_keys,
        private_sources=body.private_sources,
        otp_caller_rate=body.otp_caller_rate,
        otp_source_rate=body.otp_source_rate,
        revision=revision,
    )
