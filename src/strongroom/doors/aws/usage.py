"""When a key was used last, as AWS asks for it."""

import uuid
from typing import Any, Final

from strongroom.domain import limits, transfers
from strongroom.domain.calls import Terms
from strongroom.domain.times import rfc3339
from strongroom.doors.aws.metadata import seconds
from strongroom.doors.aws.names import no_alias, target
from strongroom.doors.aws.needs import READABLE
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_OPERATIONS: Final = {
    "key.agree": "DeriveSharedSecret",
    "key.decapsulate": "Decapsulate",
    "key.decrypt": "Decrypt",
    "key.encapsulate": "Encapsulate",
    "key.encrypt": "Encrypt",
    "key.generate-data-key": "GenerateDataKey",
    "key.generate-data-key-pair": "GenerateDataKeyPair",
    "key.mac": "GenerateMac",
    "key.re-encrypt": "ReEncrypt",
    "key.sign": "Sign",
    "key.verify": "Verify",
    "key.verify-mac": "VerifyMac",
}
"""By action, what AWS has."""


async def get_key_last_usage(at: Visitor, given: Given) -> Given:
    """GetKeyLastUsage. The event is the entry of our log, which has the request's id."""
    name = no_alias(given["KeyId"])
    ask = transfers.ReadUsage(days=limits.USAGE_DAYS_MAX)
    terms = Terms(key=READABLE)
    reply = await at.reply("key.read-usage", ask, target(name, at.place), terms)
    usage, key, _ = at.used("key.read-usage", reply, name, None)
    created = seconds(rfc3339(key.created_us))
    last: Given = {}
    if usage.last_used:
        last["Timestamp"] = seconds(usage.last_used)
        if usage.last_action in _OPERATIONS:
            last["Operation"] = _OPERATIONS[usage.last_action]
        if usage.last_request:
            event = str(uuid.UUID(usage.last_request))
            last |= {"CloudTrailEventId": event, "KmsRequestId": event}
    return {
        "KeyId": at.place.key(key.id), "KeyLastUsage": last,
        "KeyCreationDate": created, "TrackingStartDate": max(created, seconds(usage.since)),
    }  # fmt: skip
