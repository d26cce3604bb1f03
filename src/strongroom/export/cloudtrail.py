"""Records in the shape of AWS CloudTrail's, for programs that read those.

The shape is Amazon's (record contents, version 1.11); what fills it is ours. `eventSource` is
`strongroom`, so that nobody takes an entry for one of AWS. A file of CloudTrail has a list of
records in `Records`; here each is one line.
"""

from typing import Any, Final

import msgspec

from strongroom.export.acts import Activity, activity
from strongroom.export.entry import Entry

_VERSION: Final = "1.11"
_SOURCE: Final = "strongroom"

_encoder = msgspec.json.Encoder()


def line(entry: Entry) -> bytes:
    """One line, with its line feed."""
    return _encoder.encode(record(entry)) + b"\n"


def record(entry: Entry) -> dict[str, Any]:
    """The record."""
    event, does = entry.event, activity(entry.event)
    said: dict[str, Any] = {
        "eventVersion": _VERSION,
        "userIdentity": _identity(entry),
        "eventTime": event.time[:19] + "Z",  # CloudTrail has whole seconds
        "eventSource": _SOURCE,
        "eventName": event_name(event.action),
        "awsRegion": _SOURCE,
        "sourceIPAddress": event.source or _SOURCE,
        "requestParameters": _parameters(entry),
        "responseElements": None,
        "additionalEventData": _additional(entry),
        "requestID": event.request,
        "eventID": _event_id(entry.leaf_hash),
        "readOnly": does in {Activity.READ, Activity.USE},
        "resources": _resources(entry),
        "eventType": "AwsServiceEvent" if entry.by_the_server else "AwsApiCall",
        "managementEvent": does is not Activity.USE,
        "recipientAccountId": event.namespace,
        "eventCategory": "Data" if does is Activity.USE else "Management",
    }
    if not entry.allowed:
        said["errorCode"] = event.reason
        said["errorMessage"] = event.missing or event.reason
    return said


def event_name(action: str) -> str:
    """`KeyGenerateDataKey` of `key.generate-data-key`: CloudTrail's spelling, no name of AWS's."""
    return "".join(word[:1].upper() + word[1:] for word in action.replace("-", ".").split("."))


def _identity(entry: Entry) -> dict[str, str]:
    event = entry.event
    if entry.by_the_server:
        return {"type": "AWSService", "invokedBy": event.principal}
    if not event.principal:
        return {"type": "Unknown"}
    said = {
        "type": "IAMUser",
        "principalId": f"{event.namespace}/{event.principal}",
        "arn": _arn(event.namespace, f"principal/{event.principal}"),
        "accountId": event.namespace,
        "userName": event.principal,
    }
    return said | {"accessKeyId": event.token} if event.token else said


def _parameters(entry: Entry) -> dict[str, Any] | None:
    event = entry.event
    said: dict[str, Any] = dict(event.details)
    if entry.kind == "key":
        said["keyId"] = entry.name
    if event.version:
        said["keyVersion"] = event.version
    return said or None


def _additional(entry: Entry) -> dict[str, Any]:
    """What CloudTrail has no place for."""
    event = entry.event
    said: dict[str, Any] = {
        "action": event.action,
        "time": event.time,
        "position": entry.position,
        "leafHash": entry.leaf_hash.hex(),
        "format": event.format,
    }
    rest = {"policies": event.policies, "records": event.records, "sealed": event.sealed}
    return said | {name: value for name, value in rest.items() if value}


def _resources(entry: Entry) -> list[dict[str, str]]:
    event = entry.event
    if not event.object:
        return []
    return [
        {
            "ARN": _arn(event.namespace, event.object),
            "accountId": event.namespace,
            "type": f"Strongroom::{entry.kind.capitalize()}",
        }
    ]


def _arn(namespace: str, name: str) -> str:
    """Six parts and colons, as parsers split it; the partition says that it is not AWS's."""
    return f"arn:strongroom:strongroom::{namespace}:{name}"


def _event_id(leaf_hash: bytes) -> str:
    """A GUID, as programs that drop duplicates expect: the beginning of the leaf hash."""
    digits = leaf_hash[:16].hex()
    cuts = (0, 8), (8, 12), (12, 16), (16, 20), (20, 32)
    return "-".join(digits[start:end] for start, end in cuts)
