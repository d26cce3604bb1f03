"""What is asked and what is answered, one structure each, for every operation.

Doors decode into asks and encode from answers; services know nothing else of the caller's
protocol. Names that a request addresses (the key in `/v1/keys/{name}`) are not here: they are the
call's target.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from strongroom.domain import limits
from strongroom.domain.algorithms import ALGORITHMS, DEFAULT, Algorithm, Purpose, Scheme
from strongroom.domain.lifecycle import State
from strongroom.domain.things import Origin, Profile
from strongroom.domain.times import microseconds
from strongroom.domain.words import (
    Additional,
    Ciphertext,
    Context,
    Description,
    KeyPolicyText,
    LabelKey,
    Labels,
    Name,
    PageLimit,
    PageToken,
    Plaintext,
    PolicyText,
    Region,
    RequestId,
    Time,
    VersionNumber,
)


class Ask(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A request's own fields."""


class Answer(Struct, omit_defaults=False):
    """What comes back."""


class Nothing(Ask):
    """No fields."""


class Done(Answer):
    """No content."""


# --- keys -----------------------------------------------------------------------------------------


RotationDays = Annotated[
    int, Meta(ge=0, le=limits.ROTATION_DAYS_MAX, description="0: no rotation by time")
]
RotationUses = Annotated[
    int,
    Meta(
        ge=0,
        le=limits.KEY_USES_MAX,
        description=f"0: no rotation by uses; else at least {limits.ROTATION_USES_MIN}",
    ),
]


class UseControl(Ask, kw_only=True):
    """What bounds a key's use, whoever uses it. Empty or 0: no bound.

    `operations`: the only ones allowed, such as `key.decrypt`. `not_before`, `not_after`: no use
    outside. `uses_max`: all uses, ever. `rate_uses` in any `rate_seconds`. `required_context`:
    names that the encryption context must have.
    """

    operations: Annotated[list[str], Meta(max_length=32)] = []
    not_before: Time = ""
    not_after: Time = ""
    uses_max: Annotated[int, Meta(ge=0, le=limits.KEY_USES_MAX)] = 0
    rate_uses: Annotated[int, Meta(ge=0, le=limits.RATE_USES_MAX)] = 0
    rate_seconds: Annotated[int, Meta(ge=0, le=limits.RATE_SECONDS_MAX)] = 0
    required_context: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=256)]],
        Meta(max_length=limits.REQUIRED_CONTEXT_MAX),
    ] = []

    def __post_init__(self) -> None:
        """Refuse half a rate, and a window that is none."""
        if bool(self.rate_uses) is not bool(self.rate_seconds):
            raise ValueError("rate_uses and rate_seconds belong together")
        before, after = microseconds(self.not_before), microseconds(self.not_after)
        if before and after and before >= after:
            raise ValueError("not_before must come before not_after")


class CreateKey(Ask, kw_only=True):
    """A new key with its first version.

    With the origin `imported`, it has no version until material is imported. `activates` and
    `deactivates` bound its active life; without `rotation_days`, the algorithm's default holds. A
    `multi_region` key can be replicated to the other Regions of the account. `policy` is checked as
    WriteKeyPolicy's. `id` is for development mode, and refused elsewhere.
    """

    name: Name
    id: Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{32})?$(?!\n)")] = ""
    algorithm: Algorithm = DEFAULT
    purpose: Purpose | UnsetType = UNSET
    origin: Origin = Origin.GENERATED
    labels: Labels = {}
    description: Description = ""
    activates: Time = ""
    deactivates: Time = ""
    rotation_days: RotationDays | UnsetType = UNSET
    rotation_uses: RotationUses = 0
    exportable: bool = False
    deletion_protection: bool = False
    control: UseControl | UnsetType = UNSET
    policy: KeyPolicyText = ""
    bypass_lockout_check: bool = False
    multi_region: bool = False

    def __post_init__(self) -> None:
        """Refuse a purpose that the algorithm has not, too many labels, dates out of order."""
        purposes = ALGORITHMS[self.algorithm].schemes
        if self.purpose is not UNSET and self.purpose not in purposes:
            raise ValueError(f"a key of {self.algorithm} can be for: {', '.join(purposes)}")
        _bounded(self.labels)
        _enough(self.rotation_uses)
        begin, end = microseconds(self.activates), microseconds(self.deactivates)
        if begin and end and begin >= end:
            raise ValueError("activates must come before deactivates")


class UpdateKey(Ask, kw_only=True):
    """What is given replaces what was; what is not given stays. An empty time is none.

    `activates` can be changed until the key is active (a time that has passed: from now on),
    `deactivates` until it is deactivated. In the place of all `labels`, some can be added (or put
    in the place of those of the same name), and some be taken off by name. `primary_region`,
    alone, makes the replica in that Region the primary of a multi-Region key.
    """

    labels: Labels | UnsetType = UNSET
    add_labels: Labels | UnsetType = UNSET
    remove_labels: Annotated[list[LabelKey], Meta(max_length=limits.LABELS_MAX)] | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    activates: Time | UnsetType = UNSET
    deactivates: Time | UnsetType = UNSET
    rotation_days: RotationDays | UnsetType = UNSET
    rotation_uses: RotationUses | UnsetType = UNSET
    min_version: VersionNumber | UnsetType = UNSET
    deletion_protection: bool | UnsetType = UNSET
    control: UseControl | UnsetType = UNSET
    primary_region: Region | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse more than all labels together may be, and what is no time."""
        if self.labels is not UNSET:
            _bounded(self.labels)
            if self.add_labels is not UNSET or self.remove_labels is not UNSET:
                raise ValueError("give either all labels, or those to add and to remove; not both")
        if self.rotation_uses is not UNSET:
            _enough(self.rotation_uses)
        for time in (self.activates, self.deactivates):
            if time is not UNSET:
                microseconds(time)


class ReplicateKey(Ask, kw_only=True):
    """A replica of a multi-Region key in another Region; without `name`, of the same name.

    `policy` is checked as WriteKeyPolicy's.
    """

    region: Region
    name: Name | UnsetType = UNSET
    labels: Labels = {}
    description: Description = ""
    policy: KeyPolicyText = ""
    bypass_lockout_check: bool = False

    def __post_init__(self) -> None:
        """Refuse more than all labels together may be."""
        _bounded(self.labels)


def _enough(uses: int) -> None:
    if 0 < uses < limits.ROTATION_USES_MIN:
        raise ValueError(f"rotation_uses is 0 or at least {limits.ROTATION_USES_MIN}")


def _bounded(labels: dict[str, str]) -> None:
    # A page holds 1,000 keys, so what each may be adds up.
    if sum(len(name) + len(value) for name, value in labels.items()) > limits.LABELS_CHARACTERS_MAX:
        raise ValueError(
            f"all labels together may have {limits.LABELS_CHARACTERS_MAX:,} characters"
        )


class Page(Ask, kw_only=True):
    """One page of a list, in the order of names."""

    limit: PageLimit = limits.PAGE_ITEMS_DEFAULT
    page_token: PageToken = ""


class ListKeys(Page, kw_only=True):
    """One page of those keys that match everything given.

    `label` is a name, or `name=value`. `search` is a part of the name or the description. A page
    may hold fewer keys than its limit, or none, and still lead on.
    """

    state: State | UnsetType = UNSET
    algorithm: Algorithm | UnsetType = UNSET
    purpose: Purpose | UnsetType = UNSET
    label: Annotated[str, Meta(max_length=320)] = ""
    search: Annotated[str, Meta(max_length=128)] = ""

    def __post_init__(self) -> None:
        """Refuse a value without a name."""
        if self.label.startswith("="):
            raise ValueError("a label is a name, or name=value")


class OfVersion(Ask, kw_only=True):
    """What is asked of the key; with `key_version`, of that version alone."""

    key_version: VersionNumber | UnsetType = UNSET


class ScheduleDestruction(OfVersion, kw_only=True):
    """After so many days the material is erased, for good."""

    days: (
        Annotated[int, Meta(ge=limits.DESTRUCTION_DAYS_MIN, le=limits.DESTRUCTION_DAYS_MAX)]
        | UnsetType
    ) = UNSET


class ReadKey(Ask, kw_only=True):
    """A key with its newest versions; with `before`, with the newest below that number."""

    before: VersionNumber | UnsetType = UNSET


class Rotate(Ask, kw_only=True):
    """A new current version. `keep_schedule`: the next one by itself comes when it was to come."""

    keep_schedule: bool = False


class VersionView(Answer):
    """A version of a key. Times that never come are empty. `material`: whether it is (still) here.

    `expires` is when imported material is erased, `description` what was said of it. `rotated` is
    when a rotation made it the current one, `by_hand` whether somebody asked for that.
    """

    version: int
    state: State
    created: str
    destroys: str
    destroyed: str
    expires: str
    material: bool
    description: str = ""
    rotated: str = ""
    by_hand: bool = False


class ControlView(Answer):
    """What bounds a key's use; as it was given."""

    operations: list[str]
    not_before: str
    not_after: str
    uses_max: int
    rate_uses: int
    rate_seconds: int
    required_context: list[str]


class RelatedView(Answer):
    """What a multi-Region key is related to: the Regions of the primary and of the replicas.

    In a Region without name, a namespace answers in all of them. A primary that waits for its
    replicas to be destroyed waits `waits_days` after that.
    """

    is_primary: bool
    primary: str
    replicas: list[str]
    waits_days: int


class KeyView(Answer):
    """A key, without anything secret. `versions`: the newest 100, newest first, where asked.

    Times that never come are empty. `rotates` is when the next version comes by itself.
    `waiting_version` becomes the current one by a rotation, if it has its material still; 0: none.
    `rotations_by_hand` counts those that somebody asked for. Related keys of several Regions have
    the id `multi_region` in common; `related`, where asked. `awaited_in`, of related keys while one
    of their versions waits for a rotation: the Regions where its material must still be imported.
    """

    name: str
    id: str
    algorithm: Algorithm
    purpose: Purpose
    protection: str
    origin: str
    state: State
    current_version: int
    labels: dict[str, str]
    description: str
    created: str
    activates: str
    deactivates: str
    destroys: str
    destroyed: str
    min_version: int
    rotation_days: int
    rotation_uses: int
    rotates: str
    exportable: bool
    deletion_protection: bool
    control: ControlView
    revision: int
    versions: list[VersionView] | UnsetType = UNSET
    waiting_version: int = 0
    rotations_by_hand: int = 0
    multi_region: str | UnsetType = UNSET
    related: RelatedView | UnsetType = UNSET
    awaited_in: list[str] | UnsetType = UNSET


class KeyPage(Answer):
    """A page of keys. `next_page_token` is empty on the last."""

    keys: list[KeyView]
    next_page_token: str


class EncryptItem(Ask, kw_only=True):
    """One plaintext of a batch."""

    plaintext: Plaintext
    context: Context = {}


class Encrypt(Ask, kw_only=True):
    """Either `plaintext` (and `context`), or `items`.

    Keys of other algorithms than the default take `additional` instead of a context, and no items:
    what is authenticated beside the text, OAEP's label, or HPKE's info. `scheme` is for RSA.
    """

    plaintext: Plaintext | UnsetType = UNSET
    context: Context = {}
    additional: Additional = b""
    scheme: Scheme | UnsetType = UNSET
    items: (
        Annotated[list[EncryptItem], Meta(min_length=1, max_length=limits.BATCH_ITEMS_MAX)]
        | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        """Refuse neither and both."""
        if (self.plaintext is UNSET) is (self.items is UNSET) or (self.context and self.items):
            raise ValueError("give either plaintext and, if you like, context, or items; not both")


class Encrypted(Answer):
    """A ciphertext and the version of the key that made it."""

    ciphertext: bytes
    key_version: int


class Problem(Answer):
    """Why one item of a batch was refused."""

    code: str
    detail: str


class EncryptedItem(Answer, omit_defaults=True):
    """The outcome of one item: a result, or an `error`."""

    ciphertext: bytes | UnsetType = UNSET
    key_version: int | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class EncryptedBatch(Answer):
    """The outcomes, in the order of the items."""

    items: list[EncryptedItem]


class DecryptItem(Ask, kw_only=True):
    """One ciphertext of a batch."""

    ciphertext: Ciphertext
    context: Context = {}


class Decrypt(Ask, kw_only=True):
    """Either `ciphertext` (and `context`), or `items`.

    The ciphertexts of other algorithms than the default do not say what they are: they need the
    key's name, `key_version` unless it is the current one, and what was given as `additional`.
    `scheme` is for RSA.
    """

    ciphertext: Ciphertext | UnsetType = UNSET
    context: Context = {}
    additional: Additional = b""
    scheme: Scheme | UnsetType = UNSET
    key_version: VersionNumber | UnsetType = UNSET
    items: (
        Annotated[list[DecryptItem], Meta(min_length=1, max_length=limits.BATCH_ITEMS_MAX)]
        | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        """Refuse neither and both."""
        if (self.ciphertext is UNSET) is (self.items is UNSET) or (self.context and self.items):
            raise ValueError("give either ciphertext and, if you like, context, or items; not both")


class Decrypted(Answer):
    """A plaintext and the version of the key that had sealed it."""

    plaintext: bytes
    key_version: int


class DecryptedItem(Answer, omit_defaults=True):
    """The outcome of one item: a result, or an `error`."""

    plaintext: bytes | UnsetType = UNSET
    key_version: int | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class DecryptedBatch(Answer):
    """The outcomes, in the order of the items."""

    items: list[DecryptedItem]


# --- identities -----------------------------------------------------------------------------------

RoleNames = Annotated[list[Name], Meta(max_length=limits.ROLES_MAX)]


class CreatePrincipal(Ask, kw_only=True):
    """A new identity: a person or a program."""

    name: Name
    roles: RoleNames = []
    description: Description = ""


class UpdatePrincipal(Ask, kw_only=True):
    """What is given replaces what was. A disabled principal proves no identity."""

    roles: RoleNames | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class PrincipalView(Answer):
    """An identity."""

    name: str
    id: str
    roles: list[str]
    description: str
    disabled: bool
    created: str
    revision: int


class PrincipalPage(Answer):
    """A page of identities."""

    principals: list[PrincipalView]
    next_page_token: str


class RoleView(Answer):
    """A role: a name and the Cedar text that says what it allows."""

    name: str
    summary: str
    policy: str


class RoleList(Answer):
    """All roles."""

    roles: list[RoleView]


class CreateToken(Ask, kw_only=True):
    """A token for a principal."""

    principal: Name
    days: Annotated[int, Meta(ge=1, le=limits.TOKEN_DAYS_MAX)] = limits.TOKEN_DAYS_DEFAULT
    description: Description = ""


class CreateAccessKey(CreateToken, kw_only=True):
    """An access key for a principal: for clients that sign what they ask.

    One for a session is good for hours (12, if they are not given) and not days; what it signs must
    carry the session token, too.
    """

    session: bool = False
    hours: Annotated[int, Meta(ge=1, le=limits.SESSION_HOURS_MAX)] | UnsetType = UNSET


class TokenView(Answer):
    """A token, without its secret. `access_key` is the id of one that is an access key."""

    id: str
    principal: str
    description: str
    created: str
    expires: str
    revoked: bool
    access_key: str


class TokenCreated(TokenView):
    """A new token. This is the only time that `token` is shown."""

    token: str


class AccessKeyCreated(TokenView):
    """A new access key. This is the only time that its secrets are shown.

    `session_token` is of one for a session; others have none.
    """

    secret_access_key: str
    session_token: str


class TokenPage(Answer):
    """A page of tokens."""

    tokens: list[TokenView]
    next_page_token: str


class WhoAmI(Answer):
    """Who the caller is. `account` is the number of the namespace's account."""

    namespace: str
    account: str
    principal: str
    roles: list[str]
    token: str
    expires: str


class CreateNamespace(Ask, kw_only=True):
    """A new tenant. Its administrator is made with it.

    `region`: it stands for that Region of an account, which is its own or, with `account_of`, that
    of another namespace. Without, it answers in every Region.
    """

    name: Name
    region: Region | UnsetType = UNSET
    account_of: Name | UnsetType = UNSET


class NamespaceCreated(Answer):
    """A new namespace and its administrator's token, shown this once."""

    name: str
    id: str
    created: str
    administrator: str
    token: str


class NamespaceView(Answer):
    """A namespace. `region` is the one of `account` that it stands for; empty: all of them."""

    name: str
    id: str
    created: str
    account: str
    region: str


OTPRate = Annotated[
    int,
    Meta(ge=0, le=limits.OTP_RATE_MAX, description="OTP codes tried a minute; 0: any number"),
]


class UpdateNamespace(Ask, kw_only=True):
    """What is given replaces what was.

    `profile`: `approved` keeps to what FIPS 140-3 approves; `legacy` allows legacy schemes.
    """

    profile: Profile | UnsetType = UNSET
    destruction_days_min: (
        Annotated[int, Meta(ge=limits.DESTRUCTION_DAYS_MIN, le=limits.DESTRUCTION_DAYS_MAX)]
        | UnsetType
    ) = UNSET
    publishes_keys: bool | UnsetType = UNSET
    private_sources: bool | UnsetType = UNSET
    otp_caller_rate: OTPRate | UnsetType = UNSET
    otp_source_rate: OTPRate | UnsetType = UNSET


class NamespaceSettings(NamespaceView):
    """The caller's namespace and what holds in it."""

    profile: Profile
    destruction_days_min: int
    publishes_keys: bool
    private_sources: bool
    otp_caller_rate: int
    otp_source_rate: int
    revision: int


class NamespacePage(Answer):
    """A page of namespaces."""

    namespaces: list[NamespaceView]
    next_page_token: str


# --- policies -------------------------------------------------------------------------------------


class WritePolicy(Ask, kw_only=True):
    """The text that becomes the policy, whole."""

    text: PolicyText


class PolicyView(Answer):
    """A policy. `revision` is that of all policies of the namespace when this text was written."""

    name: str
    text: str
    revision: int


class PolicyList(Answer):
    """All policies of the namespace. `schema` is the Cedar schema that they are checked against."""

    policies: list[PolicyView]
    schema: str


class Explain(Ask, kw_only=True):
    """Might this principal do this to that object, with that context? A question, not an act."""

    principal: Name
    action: Annotated[str, Meta(max_length=64, description="such as key.encrypt")]
    key: Name | UnsetType = UNSET
    context: Context = {}


class Explanation(Answer):
    """`policies` are those that decided. `missing` says what would allow it, when nothing does."""

    allowed: bool
    policies: list[str]
    missing: str


class DecisionView(Answer):
    """A decision that was made: which rules were weighed and what was missing."""

    id: str
    time: str
    principal: str
    action: str
    object: str
    outcome: str
    reason: str
    policies: list[str]
    missing: str


# --- audit and state ------------------------------------------------------------------------------


class Order(StrEnum):
    """Which entries come first."""

    OLDEST_FIRST = "oldest-first"
    NEWEST_FIRST = "newest-first"


class AuditQuery(Ask, kw_only=True):
    """Which entries. All conditions hold together; times are RFC 3339."""

    since: Annotated[str, Meta(max_length=40)] = ""
    until: Annotated[str, Meta(max_length=40)] = ""
    principal: Annotated[str, Meta(max_length=limits.NAME_CHARACTERS_MAX)] = ""
    key: Annotated[str, Meta(max_length=limits.NAME_CHARACTERS_MAX)] = ""
    action: Annotated[str, Meta(max_length=64)] = ""
    outcome: Annotated[str, Meta(max_length=16)] = ""
    source: Annotated[str, Meta(max_length=limits.SOURCE_CHARACTERS_MAX)] = ""
    request: RequestId | UnsetType = UNSET
    order: Order = Order.OLDEST_FIRST
    limit: PageLimit = limits.PAGE_ITEMS_DEFAULT
    page_token: PageToken = ""


class EventView(Answer, omit_defaults=True):
    """An audit entry, its place in the log and its RFC 6962 leaf hash in hexadecimal.

    `records` names what the entry's change left behind, for who checks the store against the log.
    `sealed` is a commitment to details that are kept beside the entry: they are in `opened`, unless
    they were `erased`.
    """

    position: int
    leaf_hash: str
    action: str
    namespace: str
    outcome: str
    request: str
    time: str
    principal: str = ""
    object: str = ""
    version: int = 0
    token: str = ""
    source: str = ""
    reason: str = ""
    policies: list[str] = []
    missing: str = ""
    details: dict[str, str | int | list[str]] = {}
    records: list[str] = []
    sealed: str = ""
    opened: dict[str, str] = {}
    erased: bool = False


class EraseDetails(Ask, kw_only=True):
    """`identifiers`: from now on, too, the same address has another token than before."""

    identifiers: bool = False


class DetailsErased(Answer):
    """Which keys hide and seal from now on, counted from 1."""

    details_generation: int
    identifiers_generation: int


class EventPage(Answer):
    """Entries, in the order that was asked for.

    `next_page_token` is the position up to which was looked. Oldest first, it always leads on, so
    one can follow the log; the last position is `tree_size` - 1. Newest first, at 0 there are no
    more.
    """

    events: list[EventView]
    next_page_token: str
    tree_size: int


class StatusView(Answer):
    """The state of the node as the custodian that answered sees it; the gate adds the rooms.

    `signed_size` entries are in the newest signed checkpoint, `counted_size` in the newest one that
    counts (with the witnesses that are asked for).
    """

    deployment: str
    namespace: str
    seal: str
    epoch: int
    tree_size: int
    signed_size: int
    counted_size: int
    store: str
    rooms: list[dict[str, str | int | float | bool | list[dict[str, str | bool]]]] = []
