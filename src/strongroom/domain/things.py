"""What is remembered: the bodies of records. All are JSON; bytes are base64 in them."""

from enum import StrEnum
from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.findings import Evidence, Severity
from strongroom.domain.lifecycle import Life, State, due_us


class Protection(StrEnum):
    """Where material is used."""

    SOFTWARE = "software"


class Origin(StrEnum):
    """Where material came from."""

    GENERATED = "generated"
    IMPORTED = "imported"


class Profile(StrEnum):
    """Which algorithms and schemes a namespace's keys may have."""

    STANDARD = "standard"  # all but legacy schemes
    APPROVED = "approved"  # those that FIPS 140-3 approves
    LEGACY = "legacy"  # all


class Namespace(msgspec.Struct, frozen=True):
    """A tenant. `wrapped_key` is the namespace key, wrapped by the root key.

    `destruction_days_min` is the shortest waiting time that a destruction may have. With
    `publishes_keys`, anybody may read the public keys of signing keys (RFC 7517, a JWK set). With
    `private_sources`, its entries have a token in the place of a caller's address. One caller, and
    one source, may try `otp_caller_rate` and `otp_source_rate` OTP codes a minute; 0: any number.

    To who thinks in accounts and Regions it stands for `region` of an account; "": for all of an
    account of its own. `account` is the id of the account's first namespace, if that is another;
    the first one's `regions` say which namespace stands for which Region, its own among them.
    """

    wrapped_key: bytes
    created_us: int
    profile: Profile = Profile.STANDARD
    destruction_days_min: int = limits.DESTRUCTION_DAYS_MIN
    publishes_keys: bool = False
    private_sources: bool = False
    otp_caller_rate: int = 0
    otp_source_rate: int = 0
    region: str = ""
    account: bytes = b""
    regions: dict[str, bytes] = {}


class UseControl(msgspec.Struct, frozen=True):
    """What bounds the use of a key, whoever uses it. Empty and 0: no bound.

    `operations` are the only ones allowed. `uses_max` bounds all uses, ever; `rate_uses` those in
    any `rate_seconds`. Whoever encrypts or decrypts must give every pair of `required_context`.
    """

    operations: tuple[str, ...] = ()
    not_before_us: int = 0
    not_after_us: int = 0
    uses_max: int = 0
    rate_uses: int = 0
    rate_seconds: int = 0
    required_context: tuple[str, ...] = ()


class Key(Life, frozen=True, kw_only=True):
    """A key. Its material is in its versions.

    `current_version` 0: it waits for its first material. Versions below `min_version` are not used.
    `waiting_version` becomes the current one by a rotation, if it has its material still; 0: none.
    A new version comes every `rotation_days` (the next at `rotates_us`) and after `rotation_uses`
    uses of the current one; 0: not by itself. `policy` is as AWS writes one; empty: all is left to
    the namespace's policies. `granted`: there is a grant, or was once.
    `rotations_by_hand` counts those that somebody asked for.

    A multi-Region key and those related to it, one in each Region, have `multi_region` in common:
    the id of the first of them, which their ciphertexts name. That one's row, also when it is
    destroyed, says which key is `related` in which Region, and where the `primary` is. A primary
    waits for the last of its replicas to be destroyed: then its own `waits_days` begin.
    """

    algorithm: Algorithm
    protection: Protection
    origin: Origin
    current_version: int
    labels: dict[str, str]
    description: str
    created_us: int
    purpose: Purpose = Purpose.ENCRYPT_DECRYPT  # rows of before there were others do not say it
    min_version: int = 1
    rotation_days: int = 0
    rotation_uses: int = 0
    rotates_us: int = 0
    exportable: bool = False
    deletion_protection: bool = False
    control: UseControl = UseControl()
    policy: str = ""
    granted: bool = False
    waiting_version: int = 0
    rotations_by_hand: int = 0
    multi_region: bytes = b""
    primary: str = ""
    related: dict[str, bytes] = msgspec.field(default_factory=dict)
    waits_days: int = 0

    @property
    def last_version(self) -> int:
        """The greatest number that a version has: there is one of each number up to it."""
        return max(self.current_version, self.waiting_version)

    @property
    def due_us(self) -> int:
        """When something is to be done about it; 0: never."""
        rotates = self.rotates_us if self.state is State.ACTIVE else 0
        return min((at for at in (due_us(self), rotates) if at), default=0)


class Version(Life, frozen=True, kw_only=True):
    """A version of a key. `wrapped` is its material, wrapped by the namespace key; empty: erased.

    `public` is the public key of a pair: SubjectPublicKeyInfo, DER. `uses_reserved` counts messages
    where the algorithm bounds them, in blocks (`services/allowances.py`). Of imported material,
    `fingerprint` tells whether other material is the same, `expires_us` when it is erased, and
    `description` what it is to whoever brought it. `rotated_us` is when a rotation made the version
    the current one (0: when it was made), `by_hand` that somebody asked for that.
    """

    algorithm: Algorithm
    wrapped: bytes
    created_us: int
    public: bytes = b""
    uses_reserved: int = 0
    fingerprint: bytes = b""
    expires_us: int = 0
    description: str = ""
    rotated_us: int = 0
    by_hand: bool = False

    @property
    def due_us(self) -> int:
        """When something is to be done about it; 0: never."""
        expires = self.expires_us if self.wrapped else 0
        return min((at for at in (due_us(self), expires) if at), default=0)


def has_material(body: Version, now_us: int) -> bool:
    """Whether it has some now: that its time has come holds before anybody erased it."""
    return bool(body.wrapped) and not 0 < body.expires_us <= now_us


def waits(body: Version, now_us: int) -> bool:
    """Whether the next rotation can make it the current version."""
    return body.state is State.PRE_ACTIVATION and has_material(body, now_us)


class Alias(msgspec.Struct, frozen=True):
    """Another name for a key; it can be moved to another key. `spelt`: how others' protocols do.

    `updated_us` is when it was pointed at its key; 0: nobody wrote that down.
    """

    key: bytes
    created_us: int
    spelt: str = ""
    updated_us: int = 0


class Grant(msgspec.Struct, frozen=True):
    """What a principal may do with a key. `operations` are AWS's; times and names as in a view."""

    key: bytes
    grantee: bytes
    grantee_name: str
    operations: tuple[str, ...]
    context_subset: dict[str, str]
    context_equals: dict[str, str]
    retiring: str
    name: str
    issuer: str
    created_us: int
    ended_us: int = 0


class ImportTicket(msgspec.Struct, frozen=True):
    """A wrapping key for one import into one key. `wrapped` is its private half; empty: used up.

    `wrapping` is the one that the import takes; empty: any.
    """

    key: bytes
    algorithm: Algorithm
    wrapped: bytes
    public: bytes
    created_us: int
    expires_us: int
    wrapping: str = ""

    @property
    def due_us(self) -> int:
        """When the private half is erased, if nobody used it before."""
        return self.expires_us if self.wrapped else 0


class Principal(msgspec.Struct, frozen=True):
    """An identity."""

    roles: list[str]
    description: str
    disabled: bool
    created_us: int


class Token(msgspec.Struct, frozen=True):
    """An API token, of which the SHA-256 is kept, or an access key.

    Of an access key there is no `hash`: signatures are compared with those that `secret` makes,
    which is wrapped by the namespace key. `session` is the SHA-256 of the session token that goes
    along with requests signed by a temporary one; others have none.
    """

    principal: bytes
    principal_name: str
    hash: bytes
    description: str
    revoked: bool
    created_us: int
    expires_us: int
    secret: bytes = b""
    session: bytes = b""


class Policies(msgspec.Struct, frozen=True):
    """All policies of a namespace: one record, so that none can be taken out unnoticed."""

    texts: dict[str, str]
    revisions: dict[str, int]


class AuditKeys(msgspec.Struct, frozen=True):
    """What hides identifiers in a namespace's entries, and what seals the details beside them.

    Both keys are wrapped by the namespace key. A generation counts its keys from 1; of each key,
    only the newest is there.
    """

    identifiers: bytes
    details: bytes
    created_us: int
    identifiers_generation: int = 1
    details_generation: int = 1


class Alert(msgspec.Struct, frozen=True):
    """What the watcher found, and who has looked at it. It is acknowledged once, for good."""

    rule: str
    severity: Severity
    subject: str
    sentence: str
    evidence: list[Evidence]
    raised_us: int
    acknowledged_us: int = 0
    acknowledged_by: str = ""
    note: str = ""


class LogPair(msgspec.Struct, frozen=True):
    """One of the pairs that sign the log: the private half wrapped; the public, as in a version."""

    wrapped: bytes
    public: bytes


class FormerLog(msgspec.Struct, frozen=True):
    """What the log was before its database was restored: what verifies it, and how far it had come.

    `restored_size` is how much of it the restored database had. The entries from there on are gone.
    """

    vkeys: tuple[str, ...]
    size: int
    root: bytes
    restored_size: int


class LogKeys(msgspec.Struct, frozen=True):
    """The keys that sign the audit log, and the log's name.

    With every accepted restore a new generation begins: other keys under another name, so that no
    key ever signs two different logs. Whatever must not be done twice across a restore compares
    itself with `restores` and `restored_us` (the last one's time; 0: never).
    """

    origin: str  # of the first generation
    generation: int
    ed25519: LogPair
    ml_dsa_44: LogPair
    created_us: int
    restores: int = 0
    restored_us: int = 0
    former: tuple[FormerLog, ...] = ()

    @property
    def name(self) -> str:
        """What this generation's checkpoints are of, and its keys' name."""
        return self.origin if self.generation == 1 else f"{self.origin}/{self.generation}"


LOG_ID: Final = bytes(16)
"""The id of the one record of kind LOG."""


def version_id(key_id: bytes, version: int) -> bytes:
    """The id of a version's record."""
    return key_id + version.to_bytes(4, "big")
