"""Open Cybersecurity Schema Framework 1.3.0: class 6003, "API Activity".

A test holds every record against the schema. What the class has no place for is in `unmapped`.
"""

import ipaddress
from typing import Any, Final

import msgspec

from strongroom.export.acts import Activity, Weight, activity, weight
from strongroom.export.entry import Entry

SCHEMA_VERSION: Final = "1.3.0"
_CATEGORY: Final = 6
_CLASS: Final = 6003

ACTIVITIES: Final = {
    Activity.CREATE: (1, "Create"),
    Activity.READ: (2, "Read"),
    Activity.UPDATE: (3, "Update"),
    Activity.DELETE: (4, "Delete"),
    Activity.USE: (99, "Other"),
}
SEVERITIES: Final = {
    Weight.INFORMATIONAL: (1, "Informational"),
    Weight.LOW: (2, "Low"),
    Weight.MEDIUM: (3, "Medium"),
    Weight.HIGH: (4, "High"),
    Weight.CRITICAL: (5, "Critical"),
}
# The schema wants somebody and some place in every record. Brackets are in no name of ours.
_NOBODY: Final = "(nobody)"
_NOWHERE: Final = "(unknown)"

_encoder = msgspec.json.Encoder()


def line(entry: Entry) -> bytes:
    """One line, with its line feed."""
    return _encoder.encode(record(entry)) + b"\n"


def record(entry: Entry) -> dict[str, Any]:
    """The record."""
    event = entry.event
    activity_id, activity_name = ACTIVITIES[activity(event)]
    severity_id, severity = SEVERITIES[weight(event)]
    said: dict[str, Any] = {
        "category_uid": _CATEGORY,
        "category_name": "Application Activity",
        "class_uid": _CLASS,
        "class_name": "API Activity",
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": _CLASS * 100 + activity_id,
        "type_name": f"API Activity: {activity_name}",
        "severity_id": severity_id,
        "severity": severity,
        "time": entry.time_ms,
        "status_id": 1 if entry.allowed else 2,
        "status": "Success" if entry.allowed else "Failure",
        "message": f"{event.action} {event.outcome}",
        "metadata": {
            "version": SCHEMA_VERSION,
            "product": {"name": "Strongroom", "vendor_name": "Strongroom"},
            "log_name": "audit",
            "log_version": str(event.format),
            "uid": entry.leaf_hash.hex(),
            "sequence": entry.position,
            "original_time": event.time,
            "correlation_uid": event.request,
            "tenant_uid": event.namespace,
        },
        "actor": {"user": _user(entry)},
        "api": {
            "operation": event.action,
            "request": {"uid": event.request},
            "service": {"name": "Strongroom"},
        },
        "src_endpoint": _endpoint(entry),
    }
    if not entry.allowed:
        said["status_code"] = event.reason
        said["api"]["response"] = {"error": event.reason}
    if event.missing:
        said["status_detail"] = event.missing
    if event.object:
        said["resources"] = [_resource(entry)]
    if rest := _unmapped(entry):
        said["unmapped"] = rest
    return said


def _user(entry: Entry) -> dict[str, Any]:
    event = entry.event
    if entry.by_the_server:
        return {"name": event.principal, "type_id": 3, "type": "System"}
    if not event.principal:
        return {"name": _NOBODY, "type_id": 0, "type": "Unknown"}
    said: dict[str, Any] = {
        "name": event.principal,
        "uid": f"{event.namespace}/{event.principal}",
        "domain": event.namespace,
    }
    return said | {"credential_uid": event.token} if event.token else said


def _endpoint(entry: Entry) -> dict[str, str]:
    source = entry.event.source
    if not source:
        return {"name": entry.event.principal if entry.by_the_server else _NOWHERE}
    try:
        ipaddress.ip_address(source)
    except ValueError:  # a token in the place of a private address
        return {"uid": source}
    # A zone means something on the server only, and the schema knows none.
    return {"ip": source.partition("%")[0]}


def _resource(entry: Entry) -> dict[str, str]:
    event = entry.event
    said = {
        "uid": event.object,
        "name": entry.name or event.object,
        "type": entry.kind,
        "namespace": event.namespace,
    }
    return said | {"version": str(event.version)} if event.version else said


def _unmapped(entry: Entry) -> dict[str, Any]:
    event = entry.event
    rest = {
        "details": event.details,
        "policies": event.policies,
        "records": event.records,
        "sealed": event.sealed,
        "source": event.source if "%" in event.source else "",
    }
    return {name: value for name, value in rest.items() if value}
