"""Keys: make, list, describe, change."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, limits
from strongroom.domain.algorithms import ALGORITHMS, DEFAULT, Algorithm
from strongroom.domain.errors import AlreadyExists, InvalidRequest, KeyNotUsable, TooLarge
from strongroom.domain.lifecycle import State, Use, state_at
from strongroom.domain.multi_region import MARK, RANDOM_BYTES, REPLICA, is_shared
from strongroom.domain.operations import OPERATIONS, Resource
from strongroom.domain.readings import READINGS
from strongroom.domain.records import Kind, Record
from strongroom.domain.things import Key, Origin, Protection, UseControl
from strongroom.domain.times import DAY_US, microseconds
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.services.allowances import COUNTED
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details
from strongroom.services.dates import to_come
from strongroom.services.facts import Facts, KeyFact
from strongroom.services.key_policies import KeyPolicies
from strongroom.services.keyring import Keyring
from strongroom.services.profiles import on_profile
from strongroom.services.related import family_of, is_replica
from strongroom.services.replicas import Replicas
from strongroom.services.rows import generated, key_row, new_key_row, new_version_row
from strongroom.services.views import Views, in_part

if TYPE_CHECKING:
    from strongroom.ports.store import Write

_SCANNED_AT_ONCE: Final = 1_000
_AT_ONCE: Final = 50  # keys opened between two turns of the event loop: about a millisecond
_THE_PRIMARYS: Final = ("rotation_days", "rotation_uses")
_NO_CONTROL: Final = asks.UseControl()


class Keys:
    """What keys there are, and what rules they follow."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        ledger: Ledger,
        randomness: Randomness,
        views: Views,
        key_policies: KeyPolicies,
        replicas: Replicas,
        ids_given: bool = False,
    ) -> None:
        self._ids_given = ids_given
        self._facts = facts
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._ledger = ledger
        self._randomness = randomness
        self._views = views
        self._key_policies = key_policies
        self._replicas = replicas

    async def create(self, visit: Visit, ask: asks.CreateKey) -> asks.KeyView:
        """A new key, with its first version unless that is to be imported.

        Raises `AlreadyExists` when the name is taken.
        """
        permit = self._authorizer.permit_new_key(
            visit, ask.name, ask.algorithm, ask.labels, with_policy=bool(ask.policy)
        )
        on_profile(permit.namespace.body.profile, ask.algorithm, "$.algorithm")
        key, key_id = _new_key(ask, visit.time_us), await self._new_id(ask)
        if ask.multi_region:
            key = first_of_its_kind(key, key_id, permit.namespace.body.region)
        namespace, sealing = permit.namespace, self._facts.sealing
        row = new_key_row(
            sealing, key_id, key, namespace=namespace.id, name=ask.name, request=visit.request
        )
        await self._key_policies.check(
            permit, KeyFact(row.record, key), ask.policy, bypass=ask.bypass_lockout_check
        )
        writes: tuple[Write, ...] = (row,)
        if key.current_version:
            version = await generated(
                sealing, namespace.handle, namespace=namespace.id, key_id=key_id, key=key,
                number=1, now_us=visit.time_us,
            )  # fmt: skip
            writes += (
                new_version_row(
                    sealing, key_id, 1, version, namespace=namespace.id, request=visit.request
                ),
            )
        details: Details = {
            "algorithm": ask.algorithm, "purpose": key.purpose, "origin": key.origin,
        }  # fmt: skip
        if ask.multi_region:
            details["multi_region"] = key_id.hex()
        await self._books.allowed(permit, details, version=key.current_version, writes=writes)
        return await self._views.added(ask.name, writes)

    async def _new_id(self, ask: asks.CreateKey) -> bytes:
        """Of two kinds that nobody takes for each other."""
        if not ask.id:
            if ask.multi_region:
                return MARK + self._randomness.bytes(RANDOM_BYTES)
            while is_shared(key_id := self._randomness.bytes(16)):
                pass
            return key_id
        if not self._ids_given:
            # Whoever chooses could find out by trying which ids other namespaces have, and make
            # keys of equal ids in two deployments.
            raise InvalidRequest("a key is given its id, except in development mode", "$.id")
        key_id = bytes.fromhex(ask.id)
        if is_shared(key_id) is not ask.multi_region:
            raise InvalidRequest(f"ids of multi-Region keys begin with {MARK.hex()}", "$.id")
        if await self._facts.key(key_id) is not None:
            raise AlreadyExists("there is a key of that id already")
        return key_id

    async def list(self, visit: Visit, ask: asks.ListKeys) -> asks.KeyPage:
        """A page of the keys that match, by name.

        One call looks at a bounded number of keys, so a page can be short and still lead on.
        """
        permit = self._authorizer.permit(visit, Resource.NAMESPACE)
        views: list[asks.KeyView] = []
        after, scanned, more = ask.page_token, 0, True
        while more and len(views) < ask.limit and scanned < limits.LIST_SCANNED_MAX:
            wanted = ask.limit if _matches_all(ask) else _SCANNED_AT_ONCE
            records = await self._ledger.page(Kind.KEY, permit.namespace.id, after, wanted + 1)
            more = len(records) > wanted
            for record in records[:wanted]:
                body = self._open(record, permit)
                after, scanned = record.name, scanned + 1
                if not scanned % _AT_ONCE:
                    await asyncio.sleep(0)
                if _matches(ask, record.name, body, visit.time_us):
                    views.append(self._views.key(record.id, record.name, body, record.revision))
                    if len(views) == ask.limit:
                        more = more or record is not records[-1]
                        break
        await self._books.allowed(permit, {"count": len(views)})
        return asks.KeyPage(views, after if more else "")

    async def read(self, visit: Visit, ask: asks.ReadKey) -> asks.KeyView:
        """A key with its newest versions, or with those before a number."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = permit.known_key()
        if ask.before is UNSET:
            view = await self._views.whole(key)
        else:
            view = await self._views.before(key, ask.before)
        await self._books.allowed(permit)
        reading = visit.terms.reading
        return in_part(view, READINGS[reading].shows) if reading else view

    async def update(self, visit: Visit, ask: asks.UpdateKey) -> asks.KeyView:
        """Other labels, dates, rules, limits; or another primary."""
        if ask.primary_region is not UNSET:
            return await self._primary(visit, ask, ask.primary_region)
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = self._keyring.free(permit, Use.CHANGE)
        given = {name: value for name in ask.__struct_fields__
                 if (value := getattr(ask, name)) is not UNSET}  # fmt: skip
        if "add_labels" in given or "remove_labels" in given:
            removed, added = given.pop("remove_labels", []), given.pop("add_labels", {})
            kept = {name: key.body.labels[name] for name in key.body.labels if name not in removed}
            given["labels"] = _bounded(kept | added, visit.terms.labels_max)
        body = _changed(key.body, given, visit.time_us)
        family = await family_of(self._facts, key, visit.facts)
        if is_replica(family, key) and not given.keys().isdisjoint(_THE_PRIMARYS):
            raise KeyNotUsable(REPLICA)
        write = key_row(self._facts.sealing, key, body, visit.request)
        view = await self._views.whole(key, (write,))
        await self._books.allowed(permit, {"changed": sorted(given)}, writes=(write,))
        return view

    async def _primary(self, visit: Visit, ask: asks.UpdateKey, region: str) -> asks.KeyView:
        if ask != asks.UpdateKey(primary_region=region):
            raise InvalidRequest("primary_region goes with nothing else", "$.primary_region")
        return await self._replicas.move_primary(visit, region)

    def _open(self, record: Record, permit: Permit) -> Key:
        if record.namespace != permit.namespace.id:
            raise RuntimeError("the store answered with another namespace's record")
        return self._facts.sealing.open(record, Key, expected=(Kind.KEY, record.id))


def first_of_its_kind(key: Key, key_id: bytes, region: str) -> Key:
    """A multi-Region key that has no replicas yet, in the namespace of that Region.

    Raises `InvalidRequest` for material that cannot be in two places.
    """
    if key.algorithm in COUNTED:
        raise InvalidRequest(
            f"the messages of {key.algorithm} are counted in one place: it has no multi-Region"
            " keys",
            "$.algorithm",
        )
    return msgspec.structs.replace(
        key, multi_region=key_id, primary=region, related={region: key_id}
    )


def _new_key(ask: asks.CreateKey, now_us: int) -> Key:
    facts = ALGORITHMS[ask.algorithm]
    purpose = facts.purpose if ask.purpose is UNSET else ask.purpose
    imported = ask.origin is Origin.IMPORTED
    begin = microseconds(ask.activates)
    activates_us = begin if begin > now_us else 0
    rotation_days = facts.rotation_days if ask.rotation_days is UNSET else ask.rotation_days
    if imported:
        rotation_days = _none_by_itself(ask)
    control = _NO_CONTROL if ask.control is UNSET else ask.control
    body = Key(
        algorithm=ask.algorithm,
        protection=Protection.SOFTWARE,
        origin=ask.origin,
        state=State.PRE_ACTIVATION if imported or activates_us else State.ACTIVE,
        current_version=0 if imported else 1,
        labels=dict(ask.labels),
        description=ask.description,
        created_us=now_us,
        purpose=purpose,
        activates_us=activates_us,
        deactivates_us=to_come(ask.deactivates, now_us, "$.deactivates"),
        rotation_days=rotation_days,
        rotation_uses=ask.rotation_uses,
        exportable=ask.exportable,
        deletion_protection=ask.deletion_protection,
        control=_control(control, ask.algorithm),
        policy=ask.policy,
    )
    return msgspec.structs.replace(body, rotates_us=rotates_us(body, activates_us or now_us))


def _none_by_itself(ask: asks.CreateKey) -> int:
    if (ask.rotation_days is not UNSET and ask.rotation_days) or ask.rotation_uses:
        raise InvalidRequest(
            "imported keys do not rotate by themselves: import their next material",
            "$.rotation_days",
        )
    return 0


def rotates_us(body: Key, since_us: int) -> int:
    """When the next version comes by itself; 0: never."""
    return since_us + body.rotation_days * DAY_US if body.rotation_days else 0


def _bounded(labels: dict[str, str], most: int) -> dict[str, str]:
    """The labels, if they are no more than a key may have."""
    if len(labels) > most:
        raise TooLarge(f"the key would have {len(labels)} labels; it may have {most} (LABELS_MAX)")
    if sum(len(name) + len(labels[name]) for name in labels) > limits.LABELS_CHARACTERS_MAX:
        raise InvalidRequest(
            "the key's labels would be longer together than"
            f" {limits.LABELS_CHARACTERS_MAX:,} characters (LABELS_CHARACTERS_MAX)",
            "$.add_labels",
        )
    return labels


def _changed(body: Key, given: dict[str, Any], now_us: int) -> Key:
    changes: dict[str, Any] = {
        name: given[name]
        for name in (
            "labels", "description", "rotation_days", "rotation_uses", "deletion_protection",
        )
        if name in given
    }  # fmt: skip
    if "min_version" in given:
        changes["min_version"] = _min_version(body, given["min_version"])
    if given.get("deletion_protection") and body.state is State.DESTRUCTION_SCHEDULED:
        raise KeyNotUsable("the key is about to be destroyed; cancel that first")
    if "control" in given:
        changes["control"] = _control(given["control"], body.algorithm)
    if "activates" in given:
        changes |= _activation(body, microseconds(given["activates"]), now_us)
    if "deactivates" in given:
        changes["deactivates_us"] = _deactivation(body, given["deactivates"], now_us)
    changed = msgspec.structs.replace(body, **changes)
    if changed.origin is Origin.IMPORTED and (changed.rotation_days or changed.rotation_uses):
        raise InvalidRequest(
            "imported keys do not rotate by themselves: import their next material"
        )
    if "rotation_days" in given or "activates" in given:
        since = max(now_us, changed.activates_us)
        changed = msgspec.structs.replace(changed, rotates_us=rotates_us(changed, since))
    end = changed.deactivates_us
    if end and changed.activates_us >= end:
        raise InvalidRequest("activates must come before deactivates")
    return changed


def _min_version(body: Key, number: int) -> int:
    if number > body.current_version:
        raise InvalidRequest(
            f"min_version can be {body.current_version}, the current version, at most",
            "$.min_version",
        )
    return number


def _activation(body: Key, at_us: int, now_us: int) -> dict[str, Any]:
    if state_at(body, now_us) is not State.PRE_ACTIVATION:
        raise KeyNotUsable("the key has been activated; that is not undone")
    if not body.current_version:
        return {"activates_us": at_us if at_us > now_us else 0}  # its material brings it to life
    if at_us > now_us:
        return {"activates_us": at_us}
    return {"activates_us": 0, "state": State.ACTIVE}


def _deactivation(body: Key, text: str, now_us: int) -> int:
    if state_at(body, now_us) not in (State.PRE_ACTIVATION, State.ACTIVE, State.SUSPENDED):
        raise KeyNotUsable(f"the key is {state_at(body, now_us)}; its end is not moved any more")
    return to_come(text, now_us, "$.deactivates")


def _control(ask: asks.UseControl, algorithm: Algorithm) -> UseControl:
    for name in ask.operations:
        operation = OPERATIONS.get(name)
        if operation is None or operation.use not in (Use.PROTECT, Use.PROCESS):
            raise InvalidRequest(
                "the operations must be ones that use a key, such as key.encrypt",
                "$.control.operations",
            )
    if ask.required_context and algorithm is not DEFAULT:
        raise InvalidRequest(f"only keys of {DEFAULT} have a context", "$.control.required_context")
    return UseControl(
        operations=tuple(ask.operations),
        not_before_us=microseconds(ask.not_before),
        not_after_us=microseconds(ask.not_after),
        uses_max=ask.uses_max,
        rate_uses=ask.rate_uses,
        rate_seconds=ask.rate_seconds,
        required_context=tuple(ask.required_context),
    )


def _matches_all(ask: asks.ListKeys) -> bool:
    conditions = (ask.state, ask.algorithm, ask.purpose)
    return all(given is UNSET for given in conditions) and not ask.label and not ask.search


def _matches(ask: asks.ListKeys, name: str, body: Key, now_us: int) -> bool:
    label, equals, value = ask.label.partition("=")
    return (
        (ask.state is UNSET or state_at(body, now_us) is ask.state)
        and (ask.algorithm is UNSET or body.algorithm is ask.algorithm)
        and (ask.purpose is UNSET or body.purpose is ask.purpose)
        and (not label or (label in body.labels and (not equals or body.labels[label] == value)))
        and (ask.search.lower() in name or ask.search.lower() in body.description.lower())
    )
