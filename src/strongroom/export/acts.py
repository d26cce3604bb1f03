"""What each action is to those who watch: what it does to its object, and how much it matters."""

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from strongroom.domain.events import USES, Event, Outcome


class Activity(StrEnum):
    """What it does to its object."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    USE = "use"  # a key's material or a credential's secret was used


class Weight(IntEnum):
    """How much it matters. In this order, so that the greater of two can be taken."""

    INFORMATIONAL = 1  # read, used
    LOW = 2  # an ordinary change
    MEDIUM = 3  # rights, states; whatever was refused
    HIGH = 4  # cannot be undone, or lets material out
    CRITICAL = 5  # somebody edited the store


class Act(NamedTuple):
    """What an action is."""

    activity: Activity
    weight: Weight


_CREATE, _READ, _UPDATE = Activity.CREATE, Activity.READ, Activity.UPDATE
_DELETE, _USE = Activity.DELETE, Activity.USE
_INFORMATIONAL, _LOW, _MEDIUM, _HIGH = (
    Weight.INFORMATIONAL, Weight.LOW, Weight.MEDIUM, Weight.HIGH,
)  # fmt: skip

# A test compares this with the operation table.
ACTS: Final[dict[str, Act]] = {
    "alert.acknowledge": Act(_UPDATE, _MEDIUM),
    "alert.list": Act(_READ, _INFORMATIONAL),
    "alert.raise": Act(_CREATE, _HIGH),
    "alert.read": Act(_READ, _INFORMATIONAL),
    "alias.delete": Act(_DELETE, _LOW),
    "alias.list": Act(_READ, _INFORMATIONAL),
    "alias.write": Act(_UPDATE, _LOW),
    "audit.erase-details": Act(_DELETE, _HIGH),
    "audit.read": Act(_READ, _INFORMATIONAL),
    "audit.read-checkpoint": Act(_READ, _INFORMATIONAL),
    "audit.read-entries": Act(_READ, _INFORMATIONAL),
    "audit.read-keys": Act(_READ, _INFORMATIONAL),
    "audit.read-tile": Act(_READ, _INFORMATIONAL),
    "authorize.explain": Act(_READ, _INFORMATIONAL),
    "decision.read": Act(_READ, _INFORMATIONAL),
    "grant.create": Act(_CREATE, _MEDIUM),
    "grant.list": Act(_READ, _INFORMATIONAL),
    "grant.list-retirable": Act(_READ, _INFORMATIONAL),
    "grant.retire": Act(_DELETE, _MEDIUM),
    "grant.revoke": Act(_DELETE, _MEDIUM),
    "identity.read": Act(_READ, _INFORMATIONAL),
    "jwks.read": Act(_READ, _INFORMATIONAL),
    "jwks.read-published": Act(_READ, _INFORMATIONAL),
    "key.activate": Act(_UPDATE, _LOW),
    "key.backup": Act(_READ, _HIGH),
    "key.cancel-destruction": Act(_UPDATE, _MEDIUM),
    "key.create": Act(_CREATE, _LOW),
    "key.deactivate": Act(_UPDATE, _MEDIUM),
    "key.delete-imported-material": Act(_DELETE, _HIGH),
    "key.destroy": Act(_DELETE, _HIGH),
    "key.disable": Act(_UPDATE, _MEDIUM),
    "key.enable": Act(_UPDATE, _MEDIUM),
    "key.expire-import": Act(_DELETE, _LOW),
    "key.expire-material": Act(_DELETE, _HIGH),
    "key.export": Act(_READ, _HIGH),
    "key.import": Act(_CREATE, _MEDIUM),
    "key.import-parameters": Act(_CREATE, _LOW),
    "key.list": Act(_READ, _INFORMATIONAL),
    "key.mark-compromised": Act(_UPDATE, _HIGH),
    "key.read": Act(_READ, _INFORMATIONAL),
    "key.read-public-key": Act(_READ, _INFORMATIONAL),
    "key.read-policy": Act(_READ, _INFORMATIONAL),
    "key.read-usage": Act(_READ, _INFORMATIONAL),
    "key.replicate": Act(_CREATE, _HIGH),
    "key.restore": Act(_CREATE, _HIGH),
    "key.rotate": Act(_UPDATE, _LOW),
    "key.schedule-destruction": Act(_UPDATE, _HIGH),
    "key.update": Act(_UPDATE, _MEDIUM),
    "log.accept-restore": Act(_UPDATE, _HIGH),
    "log.archive": Act(_UPDATE, _MEDIUM),
    "key.write-policy": Act(_UPDATE, _MEDIUM),
    "log.begin": Act(_CREATE, _MEDIUM),
    "namespace.create": Act(_CREATE, _MEDIUM),
    "namespace.list": Act(_READ, _INFORMATIONAL),
    "namespace.read": Act(_READ, _INFORMATIONAL),
    "namespace.update": Act(_UPDATE, _MEDIUM),
    "otp.activate": Act(_UPDATE, _LOW),
    "otp.advance-job": Act(_UPDATE, _LOW),
    "otp.challenge": Act(_USE, _INFORMATIONAL),
    "otp.compute": Act(_USE, _MEDIUM),
    "otp.create-job": Act(_CREATE, _HIGH),
    "otp.delete-profile": Act(_DELETE, _MEDIUM),
    "otp.destroy": Act(_DELETE, _HIGH),
    "otp.end-grace": Act(_DELETE, _LOW),
    "otp.enrol": Act(_CREATE, _LOW),
    "otp.expire-link": Act(_DELETE, _LOW),
    "otp.export": Act(_READ, _HIGH),
    "otp.fetch": Act(_READ, _LOW),  # lets a secret out, but each enrolment is for that
    "otp.finish-job": Act(_UPDATE, _MEDIUM),
    "otp.import": Act(_CREATE, _MEDIUM),
    "otp.link": Act(_UPDATE, _LOW),
    "otp.list": Act(_READ, _INFORMATIONAL),
    "otp.list-jobs": Act(_READ, _INFORMATIONAL),
    "otp.list-profiles": Act(_READ, _INFORMATIONAL),
    "otp.read": Act(_READ, _INFORMATIONAL),
    "otp.read-job": Act(_READ, _INFORMATIONAL),
    "otp.resume": Act(_UPDATE, _MEDIUM),
    "otp.resync": Act(_USE, _INFORMATIONAL),
    "otp.revoke": Act(_UPDATE, _HIGH),
    "otp.rotate": Act(_UPDATE, _LOW),
    "otp.suspend": Act(_UPDATE, _MEDIUM),
    "otp.unlock": Act(_UPDATE, _MEDIUM),
    "otp.update-job": Act(_UPDATE, _MEDIUM),
    "otp.verify": Act(_USE, _INFORMATIONAL),
    "otp.verify-user": Act(_USE, _INFORMATIONAL),
    "otp.write-profile": Act(_UPDATE, _MEDIUM),
    "policy.delete": Act(_DELETE, _MEDIUM),
    "policy.list": Act(_READ, _INFORMATIONAL),
    "policy.read": Act(_READ, _INFORMATIONAL),
    "policy.write": Act(_UPDATE, _MEDIUM),
    "principal.create": Act(_CREATE, _MEDIUM),
    "principal.list": Act(_READ, _INFORMATIONAL),
    "principal.read": Act(_READ, _INFORMATIONAL),
    "principal.update": Act(_UPDATE, _MEDIUM),
    "random.generate": Act(_READ, _INFORMATIONAL),
    "receipt.read": Act(_READ, _INFORMATIONAL),
    "role.list": Act(_READ, _INFORMATIONAL),
    "status.read": Act(_READ, _INFORMATIONAL),
    "token.create": Act(_CREATE, _MEDIUM),
    "token.create-access-key": Act(_CREATE, _MEDIUM),
    "token.list": Act(_READ, _INFORMATIONAL),
    "token.revoke": Act(_DELETE, _MEDIUM),
} | {action: Act(_USE, _INFORMATIONAL) for action in USES}

# An action of a later release, read by an older program: it may be anything.
_UNKNOWN: Final = Act(_UPDATE, _MEDIUM)


def activity(event: Event) -> Activity:
    """What it does, or would have done, to its object."""
    return ACTS.get(event.action, _UNKNOWN).activity


def weight(event: Event) -> Weight:
    """How much it matters. What was refused did nothing, but somebody tried."""
    if event.outcome is Outcome.REFUSED:
        return Weight.CRITICAL if event.reason == "tampered-record" else Weight.MEDIUM
    return ACTS.get(event.action, _UNKNOWN).weight
