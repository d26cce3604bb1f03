"""Asks and answers about credentials."""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from strongroom.domain import limits
from strongroom.domain.asks import Answer, Ask, Page, Problem
from strongroom.domain.otp.credential import Hash, State, Type
from strongroom.domain.otp.profile import Lockout
from strongroom.domain.otp.words import (
    PIN,
    ChallengeNumber,
    Code,
    CredentialId,
    Digits,
    LinkToken,
    Period,
    PublicKey,
    Serial,
    Session,
    Shown,
    SuiteText,
    Transaction,
    User,
)
from strongroom.domain.times import microseconds
from strongroom.domain.words import KeyBlob, Name, PageLimit, PageToken, Time


class Delivery(StrEnum):
    """How a secret gets to its user."""

    LINK = "link"  # a page that can be opened once
    SEALED = "sealed"  # sealed to the device's public key (HPKE)
    LATER = "later"  # not now: a link is asked for when the user is there


class SealingKey(StrEnum):
    """Algorithms of key pairs to which a secret can be sealed (HPKE, RFC 9180, base mode)."""

    X25519 = "x25519"
    X25519_ML_KEM_768 = "x25519-ml-kem-768"


class Handover(Ask, kw_only=True):
    """How the secret is handed over. `account` and `issuer` are shown in the user's app."""

    delivery: Delivery = Delivery.LINK
    account: Shown = ""
    issuer: Shown = ""
    device_key: PublicKey = b""
    device_algorithm: SealingKey = SealingKey.X25519

    def __post_init__(self) -> None:
        """Refuse a key that is not used, and a sealed secret without one."""
        if bool(self.device_key) is not (self.delivery is Delivery.SEALED):
            raise ValueError('device_key goes with "delivery": "sealed", and with nothing else')


class Enrol(Handover, kw_only=True):
    """A new credential. What is not given is as the profile says; weaker than it is refused."""

    user: User
    profile: Name = "default"
    type: Type | UnsetType = UNSET
    algorithm: Hash | UnsetType = UNSET
    digits: Digits | UnsetType = UNSET
    period: Period | UnsetType = UNSET
    suite: SuiteText | UnsetType = UNSET
    serial: Serial = ""


class LinkView(Answer):
    """A link that can be fetched once, as a page or as JSON: a path on this server."""

    path: str
    token: str
    expires: str


class SealedSecret(Answer):
    """The secret, sealed: HPKE base mode, enc · ciphertext; `info` as it went in."""

    algorithm: SealingKey
    sealed: bytes
    info: bytes


class CredentialView(Answer, kw_only=True):
    """A credential, without its secret.

    `subject` is the pseudonym of the user. `generation` is the newest secret's; `rotating`: an
    older one works until `grace_ends`. `reminders` say what somebody should see to. `receipt`: the
    request whose receipt proves the last end (revocation or destruction).
    """

    id: str
    state: State
    type: Type
    algorithm: Hash
    digits: int
    period: int
    suite: str
    profile: str
    subject: str
    serial: str
    imported: bool
    created: str
    generation: int
    rotating: bool
    grace_ends: str
    rotates: str
    failures: int
    locked: bool
    delayed_until: str
    link_expires: str
    reminders: list[str]
    ended: str
    receipt: str
    revision: int


class Enrolled(Answer, kw_only=True):
    """A new credential, or a new secret for one, and how its user gets it."""

    credential: CredentialView
    link: LinkView | None = None
    sealed: SealedSecret | None = None


class Ended(Answer, kw_only=True):
    """What was ended for good. `receipt` is the request to take the receipt of.

    `position` is its place in the audit log.
    """

    credential: CredentialView
    receipt: str
    position: int


class FetchLink(Ask, kw_only=True):
    """The token of a link."""

    token: LinkToken


class Provisioned(Answer, kw_only=True):
    """The secret, this once. `uri` is what an authenticator app takes; of OCRA there is none.

    `svg` and `png` (a `data:` URI) are its QR code, drawn by the door that hands it out.
    """

    uri: str
    key: str
    type: Type
    algorithm: Hash
    digits: int
    period: int
    suite: str
    counter: int
    account: str
    issuer: str
    id: str
    svg: str = ""
    png: str = ""


class Attempt(Ask, kw_only=True):
    """A code to verify. With `challenge` it answers that one (OCRA).

    `transaction` is the same as the challenge's. `session` and `pin` go into the response where the
    suite has them: `pin` is the PIN's hash.
    """

    code: Code
    challenge: ChallengeNumber = 0
    transaction: Transaction = field(default_factory=dict)
    session: Session = b""
    pin: PIN = b""


class AttemptItem(Attempt, kw_only=True):
    """One of a batch."""

    id: CredentialId


class VerifyCode(Ask, kw_only=True):
    """One attempt, or `items` (then the path names no credential)."""

    code: Code | UnsetType = UNSET
    challenge: ChallengeNumber = 0
    transaction: Transaction = field(default_factory=dict)
    session: Session = b""
    pin: PIN = b""
    items: (
        Annotated[list[AttemptItem], Meta(min_length=1, max_length=limits.BATCH_ITEMS_MAX)]
        | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        """Refuse both, or neither."""
        if (self.code is UNSET) is (self.items is UNSET):
            raise ValueError("give code, or items")


class Verdict(Answer, omit_defaults=True, kw_only=True):
    """Whether the code was right, and is used up now. `reason`: for those with a right to it."""

    valid: bool
    reason: str = ""

    def __bool__(self) -> bool:
        """Whether it says yes: who writes `if answer` must not let everybody in."""
        return self.valid


class VerdictItem(Verdict, omit_defaults=True, kw_only=True):
    """One of a batch."""

    id: str


class Verdicts(Answer):
    """One for each item, in their order."""

    items: list[VerdictItem]


class VerifyUser(Attempt, kw_only=True):
    """A code of any active credential of that user."""

    user: User


class UserVerdict(Verdict, omit_defaults=True, kw_only=True):
    """Which credential it was, if any."""

    id: str = ""


class Activated(Answer, omit_defaults=True, kw_only=True):
    """Whether it is active now."""

    active: bool
    reason: str = ""

    def __bool__(self) -> bool:
        """Whether it says yes: who writes `if answer` must not let everybody in."""
        return self.active


class Resync(Ask, kw_only=True):
    """Two codes that the device showed one after the other."""

    first: Code
    second: Code


class Resynced(Answer, omit_defaults=True, kw_only=True):
    """Whether the counter, or the clock's drift, is known again."""

    resynced: bool
    reason: str = ""

    def __bool__(self) -> bool:
        """Whether it says yes: who writes `if answer` must not let everybody in."""
        return self.resynced


class AskChallenge(Ask, kw_only=True):
    """What the answer will be bound to. Without a transaction: a random question."""

    transaction: Transaction = field(default_factory=dict)


class ChallengeView(Answer):
    """A question for the device. The answer is good once, until it expires."""

    challenge: int
    question: str
    suite: str
    expires: str


class Compute(Ask, kw_only=True):
    """For which challenge (OCRA); nothing for others."""

    challenge: ChallengeNumber = 0
    session: Session = b""
    pin: PIN = b""


class Computed(Answer):
    """The code of now. It is accepted once, as any other."""

    code: str


# --- lists, imports, exports ----------------------------------------------------------------------


class Reminder(StrEnum):
    """What somebody should see to."""

    ROTATION_DUE = "rotation-due"  # its age is near, or past, what the profile says
    NOT_FETCHED = "not-fetched"  # its newest secret was never handed out
    NOT_PROVED = "not-proved"  # handed out, but no right code of it was seen
    LOCKED = "locked"


class Filter(Ask, kw_only=True):
    """Which credentials. Nothing: all of the namespace."""

    user: User | UnsetType = UNSET
    state: State | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    profile: Name | UnsetType = UNSET
    serial: Serial | UnsetType = UNSET
    reminder: Reminder | UnsetType = UNSET
    locked: bool | UnsetType = UNSET
    imported: bool | UnsetType = UNSET
    created_before: Time = ""
    created_after: Time = ""

    def __post_init__(self) -> None:
        """Refuse times that are none."""
        microseconds(self.created_before)
        microseconds(self.created_after)


class ListCredentials(Filter, kw_only=True):
    """A page of them, in the order of ids."""

    limit: PageLimit = limits.PAGE_ITEMS_DEFAULT
    page_token: PageToken = ""


class CredentialPage(Answer):
    """Those that were found. Another page may follow though this one is empty."""

    items: list[CredentialView]
    next_page_token: str = ""


class ImportItem(Ask, kw_only=True):
    """A secret that was made elsewhere, and what is known of its counters.

    `counter` is the next one, of TOTP the next time step, if more is known of it than that it is
    not before now; `proved`: it was in use, so the credential is active at once.
    """

    secret: Annotated[bytes, Meta(min_length=16, max_length=128)]  # RFC 4226, 4, R6: 128 bits
    user: User | UnsetType = UNSET
    type: Type = Type.TOTP
    algorithm: Hash = Hash.SHA1
    digits: Digits = 6
    period: Period = 30
    suite: SuiteText = ""
    counter: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    drift: Annotated[int, Meta(ge=-1_000, le=1_000)] = 0
    serial: Serial = ""
    proved: bool = True

    def __post_init__(self) -> None:
        """Refuse what could be found again under nothing."""
        if self.user is UNSET and not self.serial:
            raise ValueError("an item needs a user, a serial, or both")


class ImportCredentials(Ask, kw_only=True):
    """Secrets from elsewhere. The same item again changes nothing: an import can be repeated."""

    items: Annotated[list[ImportItem], Meta(min_length=1, max_length=limits.BATCH_ITEMS_MAX)]
    profile: Name = "default"


class ImportedItem(Answer, omit_defaults=True, kw_only=True):
    """What became of an item: `created` is false where it was there already."""

    id: str = ""
    created: bool = False
    error: Problem | None = None


class ImportedCredentials(Answer):
    """One for each item, in their order."""

    items: list[ImportedItem]


class ExportCredentials(Filter, kw_only=True):
    """Secrets, each sealed to `public_key` (HPKE), a page at a time."""

    public_key: KeyBlob
    algorithm: SealingKey = SealingKey.X25519
    limit: PageLimit = limits.PAGE_ITEMS_DEFAULT
    page_token: PageToken = ""


class ExportedCredential(Answer, kw_only=True):
    """A credential and its secret, sealed: HPKE base mode, enc · ciphertext, with `info`."""

    credential: CredentialView
    counter: int
    drift: int
    sealed: bytes
    info: bytes


class ExportedCredentials(Answer):
    """A page of them."""

    items: list[ExportedCredential]
    next_page_token: str = ""


# --- profiles -------------------------------------------------------------------------------------


class WriteProfile(Ask, kw_only=True):
    """The whole profile: what is not given is as by default. See `domain/otp/profile.py`."""

    type: Type = Type.TOTP
    algorithm: Hash = Hash.SHA1
    digits: Digits = 6
    period: Period = 30
    suite: SuiteText = ""
    drift_window: Annotated[int, Meta(ge=0, le=10)] = 1
    drift_limit: Annotated[int, Meta(ge=0, le=100)] = 10
    look_ahead: Annotated[int, Meta(ge=0, le=100)] = 10
    resync_window: Annotated[int, Meta(ge=1, le=1_000)] = 100
    lock_limit: Annotated[int, Meta(ge=1, le=100)] = 5
    lockout: Lockout = Lockout.DELAY
    delay_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 30
    delay_max_seconds: Annotated[int, Meta(ge=1, le=7 * 86_400)] = 86_400
    failures_max: Annotated[int, Meta(ge=1, le=100)] = 100
    rate_attempts: Annotated[int, Meta(ge=1, le=1_000)] = 10
    rate_seconds: Annotated[int, Meta(ge=1, le=3_600)] = 60
    grace_seconds: Annotated[int, Meta(ge=60, le=400 * 86_400)] = 14 * 86_400
    link_seconds: Annotated[int, Meta(ge=60, le=7 * 86_400)] = 15 * 60
    challenge_seconds: Annotated[int, Meta(ge=30, le=3_600)] = 5 * 60
    rotation_days: Annotated[int, Meta(ge=0, le=limits.ROTATION_DAYS_MAX)] = 0
    remind_days: Annotated[int, Meta(ge=0, le=400)] = 30
    restore_jump: Annotated[int, Meta(ge=0, le=1_000_000)] = 1_000


class OTPProfileView(Answer, kw_only=True):
    """A profile as it is. `revision` 0: the default one, which nobody has written."""

    name: str
    revision: int
    type: Type
    algorithm: Hash
    digits: int
    period: int
    suite: str
    drift_window: int
    drift_limit: int
    look_ahead: int
    resync_window: int
    lock_limit: int
    lockout: Lockout
    delay_seconds: int
    delay_max_seconds: int
    failures_max: int
    rate_attempts: int
    rate_seconds: int
    grace_seconds: int
    link_seconds: int
    challenge_seconds: int
    rotation_days: int
    remind_days: int
    restore_jump: int


class OTPProfileList(Answer):
    """All profiles of the namespace, by name."""

    items: list[OTPProfileView]


# --- jobs -----------------------------------------------------------------------------------------


class JobAction(StrEnum):
    """What a job does to each credential."""

    SUSPEND = "suspend"
    RESUME = "resume"
    ROTATE = "rotate"
    REVOKE = "revoke"
    DESTROY = "destroy"


class JobState(StrEnum):
    """What becomes of a job."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class CreateJob(Ask, kw_only=True):
    """The same done to every credential that the filter finds, one after the other.

    At most `per_second` of them; 0: as fast as it goes. An empty filter has to be meant: `all`.
    """

    action: JobAction
    filter: Filter = field(default_factory=Filter)
    all: bool = False
    per_second: Annotated[int, Meta(ge=0, le=10_000)] = 0
    description: Annotated[str, Meta(max_length=limits.DESCRIPTION_CHARACTERS_MAX)] = ""

    def __post_init__(self) -> None:
        """Refuse a filter that was forgotten."""
        if (self.filter == Filter()) is not self.all:
            raise ValueError('give a filter, or "all": true for every credential there is')


class UpdateJob(Ask, kw_only=True):
    """Pause it, let it go on, end it, or change its pace."""

    state: JobState | UnsetType = UNSET
    per_second: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what only the job itself can say."""
        if self.state is JobState.DONE:
            raise ValueError("a job is done when it is done; it can be running, paused, cancelled")


class JobView(Answer, kw_only=True):
    """A job. `progress` is the part of the ids that was looked at, in percent.

    `subject` is the pseudonym of the filter's user, whose name is not kept. `done`: what it did;
    `skipped`: found, but in no state for it.
    """

    id: str
    action: JobAction
    filter: Filter
    subject: str
    state: JobState
    per_second: int
    description: str
    created: str
    created_by: str
    ended: str
    progress: int
    looked_at: int
    done: int
    skipped: int
    revision: int


class ListJobs(Page, kw_only=True):
    """A page of jobs, in the order of ids: of time."""


class JobPage(Answer):
    """They."""

    items: list[JobView]
    next_page_token: str = ""
