"""What a custodian knows: records read, checked against their MACs, opened, kept until they change.

Everything here is current as of the ledger's epoch last announced: when a change is announced,
what it touches is forgotten before anything decided later can use it. A decision made just before
is caught by the ledger, which is told what facts the decision stands on.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from strongroom.domain import limits
from strongroom.domain.accounts import account_of
from strongroom.domain.calls import About
from strongroom.domain.errors import NotFound, TamperedRecord
from strongroom.domain.iam.texts import Comparison
from strongroom.domain.keyed import KeyedHash
from strongroom.domain.lifecycle import State
from strongroom.domain.multi_region import is_shared
from strongroom.domain.otp.profile import DEFAULT as DEFAULT_PROFILE
from strongroom.domain.otp.profile import Profile as OTPProfile
from strongroom.domain.otp.profile import Profiles
from strongroom.domain.records import Kind, Record, Ref, aliases_fact
from strongroom.domain.things import (
    LOG_ID,
    Alias,
    AuditKeys,
    Grant,
    Key,
    LogKeys,
    Namespace,
    Policies,
    Principal,
    Profile,
    Token,
    UseControl,
    Version,
    version_id,
)
from strongroom.ports.ledger import Ledger
from strongroom.ports.policy_engine import PolicyEngine, PolicySet, Verdict
from strongroom.ports.provider import MaterialHandle, NamespaceHandle, Provider
from strongroom.services.audit_keys import AuditKeysFact
from strongroom.services.sealing import Sealing
from strongroom.services.weights import Weights

_Name = TypeVar("_Name")
_NOWHERE = (b"", "")
_Fact = TypeVar("_Fact")


class NamespaceFact:
    """An opened namespace. `hidden_by` are its audit keys if addresses are private in it now.

    `home` is the id of its account's first namespace, which may be its own.

    `audit_keys` are there, too, when they no longer are: what was sealed before is still opened.
    """

    __slots__ = (
        "account", "audit_keys", "body", "fact", "handle", "hidden_by", "home", "id", "name",
        "plain", "revision",
    )  # fmt: skip

    def __init__(
        self,
        record: Record,
        body: Namespace,
        handle: NamespaceHandle,
        audit_keys: AuditKeysFact | None,
    ) -> None:
        self.audit_keys = audit_keys
        self.hidden_by = audit_keys if body.private_sources else None
        self.id = record.id
        self.home = body.account or record.id
        self.account = account_of(self.home)
        self.fact = record.fact
        self.name = record.name
        self.revision = record.revision
        self.plain = body.profile is not Profile.APPROVED
        self.body = body
        self.handle = handle


Decision = tuple[bytes, int, int, str]
"""What a verdict is kept under: principal, its revision, that of the policies, the action."""


class PoliciesFact:
    """A namespace's policies, parsed, and the decisions that hold for every object."""

    __slots__ = ("body", "decisions", "fact", "policies", "revision")

    def __init__(self, record: Record, body: Policies, policies: PolicySet) -> None:
        self.decisions: dict[Decision, Verdict] = {}
        self.fact = record.fact
        self.revision = record.revision
        self.body = body
        self.policies = policies


class PrincipalFact:
    """An identity."""

    __slots__ = ("body", "fact", "id", "name", "namespace", "revision")

    def __init__(self, record: Record, body: Principal) -> None:
        self.id = record.id
        self.fact = record.fact
        self.namespace = record.namespace
        self.name = record.name
        self.revision = record.revision
        self.body = body


SigningKeys = dict[str, KeyedHash]
"""What signatures are compared with, by scope."""


class TokenFact:
    """A token. `signing_keys` are an access key's, by scope."""

    __slots__ = ("body", "fact", "id", "namespace", "revision", "signing_keys", "text_id")

    def __init__(self, record: Record, body: Token, text_id: str) -> None:
        self.id = record.id
        self.fact = record.fact
        self.namespace = record.namespace
        self.revision = record.revision
        self.body = body
        self.text_id = text_id
        self.signing_keys: SigningKeys = {}


class VersionFact:
    """A version of a key, opened unless its material was erased.

    `plain` as of `KeyFact`.
    """

    __slots__ = ("_handle", "body", "fact", "number", "plain", "revision")

    def __init__(
        self, record: Record, number: int, body: Version, handle: MaterialHandle | None
    ) -> None:
        self.fact = record.fact
        self.revision = record.revision
        self.number = number
        self.body = body
        self._handle = handle
        self.plain = (
            handle is not None
            and body.state is State.ACTIVE
            and not body.deactivates_us
            and not body.expires_us
        )

    @property
    def handle(self) -> MaterialHandle:
        """The material. Only `Keyring.usable` hands out versions, and only those that have some."""
        if self._handle is None:
            raise RuntimeError("a version without material was about to be used")
        return self._handle


class GrantFact:
    """A grant."""

    __slots__ = ("body", "fact", "id", "name", "revision")

    def __init__(self, record: Record, body: Grant) -> None:
        self.id = record.id
        self.name = record.name
        self.fact = record.fact
        self.revision = record.revision
        self.body = body


def grant_name(key: bytes, grantee: bytes) -> str:
    """What the names of a principal's grants for a key begin with."""
    return f"{key.hex()}.{grantee.hex()}."


_NO_CONTROL = UseControl()
_PROFILE = OTPProfile()


class Found(NamedTuple):
    """What was looked up for conditions of a key's policy, where one looks at it.

    Its aliases; the whole days since it was last used, or since it is there; whether it is a
    replica. None: nobody asked, or there is no answer.
    """

    aliases: tuple[str, ...] = ()
    idle_days: int | None = None
    replica: bool | None = None


class Own(NamedTuple):
    """A key's own rights for one principal, parsed. `delegated` None: all of it.

    `comparisons` are those that Cedar has no expression for; `looks_at` the condition keys that a
    decision can depend on. `found` is of one request.
    """

    direct: PolicySet
    delegated: PolicySet | None
    grants: dict[str, bytes]  # their facts, by the name that a verdict has them under
    comparisons: Mapping[str, Comparison] = {}
    looks_at: frozenset[str] = frozenset()
    found: Found = Found()


class KeyFact:
    """A key, its opened versions, and the decisions about it that can be used again.

    `plain`: it is active, for ever, and nothing bounds its use, so that nothing of that need be
    looked at for each use. `cipher_id` is what its ciphertexts name: its id, or the one that it
    shares with related keys in other Regions. `about` is what doors are told of it.
    """

    __slots__ = (
        "about",
        "body",
        "cipher_id",
        "decisions",
        "fact",
        "id",
        "name",
        "namespace",
        "object",
        "own",
        "plain",
        "revision",
        "versions",
    )

    def __init__(self, record: Record, body: Key) -> None:
        self.id = record.id
        self.fact = record.fact
        self.namespace = record.namespace
        self.name = record.name
        self.revision = record.revision
        self.object = f"key/{record.name}"
        self.body = body
        self.cipher_id = body.multi_region or record.id
        self.plain = (
            body.state is State.ACTIVE
            and not body.deactivates_us
            and not body.rotation_uses
            and body.control == _NO_CONTROL
        )
        self.about = About(
            self.cipher_id, body.algorithm, body.purpose, body.state, body.origin,
            body.current_version, body.created_us,
        )  # fmt: skip
        self.versions: dict[int, VersionFact] = {}
        # By principal, its revision, the policies' revision and the action: whatever else a verdict
        # rests on is in this key, and a changed key is another KeyFact.
        self.decisions: dict[Decision, Verdict] = {}
        self.own: dict[bytes, Own] = {}  # the rights that are kept with it, by principal


class ProfilesFact:
    """A namespace's OTP profiles. `revision` 0: nobody has written one, and there is no record."""

    __slots__ = ("body", "fact", "revision")

    def __init__(self, fact: bytes, revision: int, body: Profiles) -> None:
        self.fact = fact
        self.revision = revision
        self.body = body

    def named(self, name: str) -> OTPProfile:
        """The profile of that name; what it does not say, and one that is gone: as by default."""
        return self.body.profiles.get(name or DEFAULT_PROFILE) or self.body.profiles.get(
            DEFAULT_PROFILE, _PROFILE
        )


class RestoresFact:
    """How often the database was restored, and when last. `fact` is that of the log's keys."""

    __slots__ = ("fact", "restored_us", "restores")

    def __init__(self, fact: bytes, restores: int, restored_us: int) -> None:
        self.fact = fact
        self.restores = restores
        self.restored_us = restored_us


class AliasFact:
    """Another name for a key."""

    __slots__ = ("body", "fact", "id", "name", "namespace", "revision")

    def __init__(self, record: Record, body: Alias) -> None:
        self.id = record.id
        self.fact = record.fact
        self.namespace = record.namespace
        self.name = record.name
        self.revision = record.revision
        self.body = body


class Watch(Protocol):
    """Is told how often a fact was at hand."""

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Add to a counter."""


class Facts:
    """Reads, opens, remembers. Every method raises `TamperedRecord` for a row that was touched."""

    def __init__(
        self, ledger: Ledger, provider: Provider, engine: PolicyEngine, watch: Watch
    ) -> None:
        self._ledger = ledger
        self._provider = provider
        self._engine = engine
        self._watch = watch
        self.sealing = Sealing(provider, ledger.deployment)
        self._weights = Weights()
        self._namespaces: dict[bytes, NamespaceFact] = {}
        self._policies: dict[bytes, PoliciesFact] = {}
        self._principals: dict[bytes, PrincipalFact] = {}
        self._principal_names: dict[tuple[bytes, str], bytes] = {}
        self._tokens: dict[bytes, TokenFact] = {}
        self._profiles: dict[bytes, ProfilesFact] = {}
        self._restores: dict[bytes, RestoresFact] = {}
        self._aliases: dict[tuple[bytes, str], AliasFact] = {}
        self._alias_names: dict[bytes, tuple[bytes, str]] = {}
        self._aliases_by_key: dict[bytes, dict[bytes, tuple[str, ...]]] = {}  # by namespace
        self._alias_changes = 0
        self._keys: dict[bytes, KeyFact] = {}
        self._key_names: dict[tuple[bytes, str], KeyFact] = {}
        self._by_kind: dict[str, dict[bytes, object]] = {
            Kind.NAMESPACE: self._namespaces,  # type: ignore[dict-item] # only popped from
            Kind.POLICIES: self._policies,  # type: ignore[dict-item] # only popped from
            Kind.PRINCIPAL: self._principals,  # type: ignore[dict-item] # only popped from
            Kind.TOKEN: self._tokens,  # type: ignore[dict-item] # only popped from
            Kind.OTP_PROFILES: self._profiles,  # type: ignore[dict-item] # only popped from
            Kind.LOG: self._restores,  # type: ignore[dict-item] # only popped from
            # Opened together with their namespace, and under its id.
            Kind.AUDIT_KEYS: self._namespaces,  # type: ignore[dict-item] # only popped from
        }
        ledger.listen(self.forget)

    def forget(self, changed: Sequence[bytes] | None) -> None:
        """Drop what changed; everything, if that is not known."""
        if changed is None:
            self._weights.clear()
            for known in self._by_kind.values():
                known.clear()
            self._keys.clear()
            self._key_names.clear()
            self._aliases.clear()
            self._alias_names.clear()
            self._aliases_by_key.clear()
            self._alias_changes += 1
            self._principal_names.clear()
            return
        for fact in changed:
            kind, record_id = chr(fact[0]), fact[1:]
            if kind in (Kind.KEY, Kind.VERSION, Kind.GRANT):
                self._forget_key(record_id[:16])
            elif kind == Kind.ALIAS:
                self._aliases.pop(self._alias_names.pop(record_id, _NOWHERE), None)
                self._aliases_by_key.pop(record_id, None)
                self._alias_changes += 1
            elif kind in self._by_kind:
                self._by_kind[kind].pop(record_id, None)

    def _forget_key(self, key_id: bytes) -> None:
        self._weights.drop(key_id)
        key = self._keys.pop(key_id, None)
        if key is not None:
            self._key_names.pop((key.namespace, key.name), None)

    async def namespace(self, namespace_id: bytes) -> NamespaceFact:
        """The namespace with that id."""
        known = self._namespaces.get(namespace_id)
        if known is not None:
            return known
        # Both at once: between two readings, what the first had read might have changed.
        record, keys = await self._ledger.load(
            [Ref(Kind.NAMESPACE, namespace_id), Ref(Kind.AUDIT_KEYS, namespace_id)]
        )
        if record is None:
            raise TamperedRecord  # what refers to it is untouched: the row was deleted
        body = self.sealing.open(record, Namespace, expected=(Kind.NAMESPACE, namespace_id))
        handle = self._provider.open_namespace_key(
            body.wrapped_key, self.sealing.namespace_binding(namespace_id)
        )
        fact = NamespaceFact(record, body, handle, self._audit_keys(namespace_id, keys, handle))
        if body.private_sources and fact.audit_keys is None:
            raise TamperedRecord  # without them, addresses would be on record in the open
        _remember(self._namespaces, namespace_id, fact, limits.CACHED_PRINCIPALS_MAX)
        return fact

    async def region(
        self, namespace: NamespaceFact, region: str, facts: list[bytes]
    ) -> NamespaceFact | None:
        """The namespace that stands for that Region of the account; None: there is none.

        What that rests on is added to `facts`.
        """
        home = await self.namespace(namespace.home)
        facts.append(home.fact)
        found = home.body.regions.get(region)
        if found is None:
            return None
        there = await self.namespace(found)
        facts.append(there.fact)
        if (there.home, there.body.region) != (home.id, region):
            raise TamperedRecord
        return there

    def _audit_keys(
        self, namespace_id: bytes, record: Record | None, handle: NamespaceHandle
    ) -> AuditKeysFact | None:
        if record is None:
            return None
        body = self.sealing.open(record, AuditKeys, expected=(Kind.AUDIT_KEYS, namespace_id))
        if record.namespace != namespace_id:
            raise TamperedRecord
        return AuditKeysFact(record, body, self.sealing, handle)

    async def policies(self, namespace_id: bytes) -> PoliciesFact:
        """The namespace's policies. If that record is gone, somebody took it: fail closed."""
        known = self._policies.get(namespace_id)
        if known is not None:
            return known
        record = await self._read(Ref(Kind.POLICIES, namespace_id))
        # Parsing takes milliseconds, and all who are here when a policy changes wait for the same
        # record: the first of them parses it.
        known = self._policies.get(namespace_id)
        if known is not None and known.revision >= record.revision:
            return known
        body = self.sealing.open(record, Policies, expected=(Kind.POLICIES, namespace_id))
        fact = PoliciesFact(record, body, self._engine.parse(body.texts))
        _remember(self._policies, namespace_id, fact, limits.CACHED_PRINCIPALS_MAX)
        return fact

    async def otp_profiles(self, namespace_id: bytes) -> ProfilesFact:
        """The namespace's OTP profiles. Without a record, those that hold by default."""
        known = self._profiles.get(namespace_id)
        if known is not None:
            return known
        ref = Ref(Kind.OTP_PROFILES, namespace_id)
        (record,) = await self._ledger.load([ref])
        if record is None:
            fact = ProfilesFact(ref.fact, 0, Profiles({}, {}))
        else:
            body = self.sealing.open(record, Profiles, expected=(Kind.OTP_PROFILES, namespace_id))
            fact = ProfilesFact(ref.fact, record.revision, body)
        _remember(self._profiles, namespace_id, fact, limits.CACHED_PRINCIPALS_MAX)
        return fact

    async def restores(self) -> RestoresFact:
        """How often this database was restored. Whatever must not happen twice compares with it."""
        known = self._restores.get(LOG_ID)
        if known is not None:
            return known
        ref = Ref(Kind.LOG, LOG_ID)
        (record,) = await self._ledger.load([ref])
        fact = RestoresFact(ref.fact, 0, 0)
        if record is not None:
            body = self.sealing.open(record, LogKeys, expected=(Kind.LOG, LOG_ID))
            fact = RestoresFact(ref.fact, body.restores, body.restored_us)
        self._restores[LOG_ID] = fact
        return fact

    async def principal(self, principal_id: bytes) -> PrincipalFact:
        """The principal with that id."""
        known = self._principals.get(principal_id)
        if known is not None:
            return known
        record = await self._read(Ref(Kind.PRINCIPAL, principal_id))
        body = self.sealing.open(record, Principal, expected=(Kind.PRINCIPAL, principal_id))
        fact = PrincipalFact(record, body)
        _remember(self._principals, principal_id, fact, limits.CACHED_PRINCIPALS_MAX)
        return fact

    async def principal_named(self, namespace_id: bytes, name: str) -> PrincipalFact:
        """The principal of that name. Raises `NotFound`."""
        record = await self._ledger.find(Kind.PRINCIPAL, namespace_id, name)
        if record is None:
            raise NotFound
        fact = PrincipalFact(
            record, self.sealing.open(record, Principal, expected=(Kind.PRINCIPAL, record.id))
        )
        if (fact.namespace, fact.name) != (namespace_id, name):
            raise TamperedRecord
        return fact

    async def namesake(self, namespace_id: bytes, name: str) -> PrincipalFact | None:
        """The principal of that name, if there is one. Found once, then known by its id.

        No principal ever has another name, and none is ever taken away.
        """
        principal_id = self._principal_names.get((namespace_id, name))
        if principal_id is not None:
            return await self.principal(principal_id)
        try:
            found = await self.principal_named(namespace_id, name)
        except NotFound:
            return None
        _remember(
            self._principal_names, (namespace_id, name), found.id, limits.CACHED_PRINCIPALS_MAX
        )
        return found

    async def token(self, token_id: bytes, text_id: str) -> TokenFact | None:
        """The token with that id, if there is one."""
        known = self._tokens.get(token_id)
        if known is not None:
            return known
        (record,) = await self._ledger.load([Ref(Kind.TOKEN, token_id)])
        if record is None:
            return None
        body = self.sealing.open(record, Token, expected=(Kind.TOKEN, token_id))
        fact = TokenFact(record, body, text_id)
        _remember(self._tokens, token_id, fact, limits.CACHED_PRINCIPALS_MAX)
        return fact

    async def key_named(self, namespace_id: bytes, name: str) -> KeyFact:
        """The key of that name with its current version. Raises `NotFound`."""
        known = self._key_names.get((namespace_id, name))
        if known is not None:
            self._watch.count("strongroom_facts_found")
            return known
        record = await self._ledger.find(Kind.KEY, namespace_id, name)
        if record is None:
            raise NotFound
        if (record.namespace, record.name) != (namespace_id, name):
            raise TamperedRecord
        return self._learn_key(record, record.id)

    async def alias_named(self, namespace_id: bytes, name: str) -> AliasFact:
        """The alias of that name. Raises `NotFound`."""
        known = self._aliases.get((namespace_id, name))
        if known is not None:
            return known
        record = await self._ledger.find(Kind.ALIAS, namespace_id, name)
        if record is None:
            raise NotFound
        if (record.namespace, record.name) != (namespace_id, name):
            raise TamperedRecord
        body = self.sealing.open(record, Alias, expected=(Kind.ALIAS, record.id))
        if not body.key:
            raise NotFound  # it was deleted
        fact = AliasFact(record, body)
        if len(self._aliases) >= limits.CACHED_KEYS_MAX:
            self._aliases.clear()
            self._alias_names.clear()
        self._aliases[namespace_id, name] = fact
        self._alias_names[record.id] = (namespace_id, name)
        return fact

    async def aliases_of(self, key: KeyFact, stands_on: list[bytes]) -> tuple[str, ...]:
        """The aliases that the key has now, as they are spelt, in the order of their names.

        `stands_on` gets the fact that its namespace has these aliases and no others.
        """
        stands_on.append(aliases_fact(key.namespace))
        known = self._aliases_by_key.get(key.namespace)
        if known is None:
            changes = self._alias_changes
            known = await self._all_aliases(key.namespace)
            # If any changed meanwhile, what was read is good for a decision that the ledger will
            # find stale if it must, and for no other.
            if changes == self._alias_changes:
                _remember(self._aliases_by_key, key.namespace, known, limits.CACHED_ALIAS_LISTS_MAX)
        return known.get(key.id, ())

    async def _all_aliases(self, namespace: bytes) -> dict[bytes, tuple[str, ...]]:
        found: dict[bytes, tuple[str, ...]] = {}
        after = ""
        while True:
            most = limits.PAGE_ITEMS_MAX
            records = await self._ledger.page(Kind.ALIAS, namespace, after, most)
            for record in records:
                if record.namespace != namespace:
                    raise TamperedRecord
                body = self.sealing.open(record, Alias, expected=(Kind.ALIAS, record.id))
                found[body.key] = (*found.get(body.key, ()), body.spelt or record.name)
            if len(records) < most:
                return found
            after = records[-1].name

    async def last_used_us(self, key: KeyFact, since_day: int) -> int:
        """When the key was last used since that day; 0: it was not."""
        rows = await self._ledger.usage(key.namespace, key.object, since_day, limits.USAGE_ROWS_MAX)
        return max((row.last_us for row in rows), default=0)

    async def key(self, key_id: bytes) -> KeyFact | None:
        """The key with that id, of whatever namespace, if there is one."""
        known = self._keys.get(key_id)
        if known is not None:
            self._watch.count("strongroom_facts_found")
            return known
        (record,) = await self._ledger.load([Ref(Kind.KEY, key_id)])
        return None if record is None else self._learn_key(record, key_id)

    async def grants(self, key: KeyFact, grantee: bytes) -> list[GrantFact]:
        """All that a principal has for that key now."""
        prefix = grant_name(key.id, grantee)
        records = await self._ledger.page(
            Kind.GRANT, key.namespace, prefix, limits.GRANTS_PER_GRANTEE_MAX
        )
        return [self._grant(record, key.id) for record in records if record.name.startswith(prefix)]

    async def grant(self, grant_id: bytes) -> GrantFact | None:
        """The grant with that id, also one that has ended."""
        (record,) = await self._ledger.load([Ref(Kind.GRANT, grant_id)])
        return None if record is None else self._grant(record, grant_id[:16])

    def _grant(self, record: Record, key_id: bytes) -> GrantFact:
        body = self.sealing.open(record, Grant, expected=(Kind.GRANT, record.id))
        if body.key != key_id:
            raise TamperedRecord
        return GrantFact(record, body)

    async def key_in(
        self, namespace: NamespaceFact, key_id: bytes, facts: list[bytes]
    ) -> KeyFact | None:
        """The key of that namespace which has that id, or shares it; None: there is none.

        A key of another namespace is no key. What it rests on that the key itself does not show is
        added to `facts`.
        """
        key = await self.key(key_id)
        if key is not None and is_shared(key_id):
            # The first of the related keys, which knows the others.
            facts.append(key.fact)
            here = key.body.related.get(namespace.body.region, key_id)
            if here != key_id:
                key = await self.key(here)
        return key if key is not None and key.namespace == namespace.id else None

    async def is_replica(self, key: KeyFact, stands_on: list[bytes]) -> bool:
        """Whether a multi-Region key is not the primary. Adds what that rests on to `stands_on`."""
        # The first of them may be about to be made, and then no row says so yet.
        is_first = key.body.multi_region == key.id
        first = key if is_first else await self.key(key.body.multi_region)
        if first is None:
            raise TamperedRecord
        stands_on.append(first.fact)
        return first.body.related.get(first.body.primary) != key.id

    def _learn_key(self, record: Record, key_id: bytes) -> KeyFact:
        self._watch.count("strongroom_facts_missed")
        body = self.sealing.open(record, Key, expected=(Kind.KEY, key_id))
        fact = KeyFact(record, body)
        if len(self._keys) >= limits.CACHED_KEYS_MAX:
            self._forget_key(next(iter(self._keys)))
        self._keys[key_id] = fact
        self._key_names[fact.namespace, fact.name] = fact
        return fact

    async def version(self, key: KeyFact, number: int) -> VersionFact | None:
        """A version of the key, opened, if there is one of that number."""
        known = key.versions.get(number)
        if known is not None:
            return known
        ref = Ref(Kind.VERSION, version_id(key.id, number))
        (record,) = await self._ledger.load([ref])
        if record is None:
            return None
        body = self.sealing.open(record, Version, expected=(Kind.VERSION, ref.id))
        namespace = await self.namespace(key.namespace)
        binding = self.sealing.version_binding(
            namespace=key.namespace,
            key=key.id,
            version=number,
            purpose=key.body.purpose,
            algorithm=body.algorithm,
        )
        handle = None
        if body.wrapped:
            handle = namespace.handle.open(body.algorithm, key.body.purpose, body.wrapped, binding)
        fact = VersionFact(record, number, body, handle)
        _remember(key.versions, number, fact, limits.CACHED_VERSIONS_PER_KEY_MAX)
        self._weigh(key)
        return fact

    def _weigh(self, key: KeyFact) -> None:
        if self._keys.get(key.id) is not key:
            return  # it was forgotten meanwhile, and goes when this request does
        self._weights.put(key.id, (version.body.public for version in key.versions.values()))
        while self._weights.total > limits.CACHED_KEYS_BYTES_MAX:
            self._forget_key(next(iter(self._keys)))

    async def _read(self, ref: Ref) -> Record:
        (record,) = await self._ledger.load([ref])
        if record is None:
            # Something that is referred to by an untouched record is gone: the row was deleted.
            raise TamperedRecord
        return record


def _remember(known: dict[_Name, _Fact], name: _Name, fact: _Fact, most: int) -> None:
    if len(known) >= most:
        known.pop(next(iter(known)))  # the oldest; it is cheap to read again
    known[name] = fact
