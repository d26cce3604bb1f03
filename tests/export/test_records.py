"""The formats that are JSON: JSON Lines, CloudTrail's shape, OCSF."""

import hashlib
import json
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given

from strongroom.export import cloudtrail, json_lines, ocsf
from strongroom.export.acts import ACTS
from strongroom.export.entry import Entry
from tests.support.entries import entries, simple

SCHEMA = json.loads((Path(__file__).parent / "data/ocsf-1.3.0-api-activity.json").read_text())
OCSF = jsonschema_rs.validator_for(SCHEMA)


@given(entries)
def test_the_leaf_hash_can_be_made_again_from_a_json_line(entry):
    line = json_lines.line(entry)
    body = line[line.index(b',"entry":') + 9 : -2]
    assert hashlib.sha256(b"\0" + body).digest() == entry.leaf_hash
    said = json.loads(line)
    assert (said["position"], said["leaf_hash"]) == (entry.position, entry.leaf_hash.hex())


@given(entries)
def test_every_ocsf_record_is_valid_by_the_schema(entry):
    OCSF.validate(ocsf.record(entry))


def test_the_schema_refuses_what_is_no_record():
    record = ocsf.record(simple())
    for name in ("actor", "src_endpoint", "metadata", "type_uid", "severity_id"):
        assert not OCSF.is_valid({key: value for key, value in record.items() if key != name})
    assert not OCSF.is_valid(record | {"src_endpoint": {"ip": "hmac:00"}})
    assert not OCSF.is_valid(record | {"missing": "a field of our own"})


@pytest.mark.parametrize("action", sorted(ACTS))
def test_ocsfs_type_is_made_of_class_and_activity(action):
    record = ocsf.record(simple(action=action, object="key/demo", version=3))
    OCSF.validate(record)
    assert record["type_uid"] == 600300 + record["activity_id"]
    assert record["api"]["operation"] == action


def test_nobody_and_the_server_are_told_apart_from_principals():
    nobody = ocsf.record(simple())["actor"]["user"]
    steward = ocsf.record(simple(principal="strongroom:steward"))["actor"]["user"]
    somebody = ocsf.record(simple(principal="billing", token="abc"))["actor"]["user"]
    assert (nobody["name"], nobody["type_id"]) == ("(nobody)", 0)
    assert (steward["name"], steward["type_id"]) == ("strongroom:steward", 3)
    assert somebody == {
        "name": "billing", "uid": "default/billing", "domain": "default", "credential_uid": "abc",
    }  # fmt: skip


def test_a_private_address_is_no_address_in_ocsf():
    record = ocsf.record(simple(source="hmac:" + "0f" * 16))
    assert record["src_endpoint"] == {"uid": "hmac:" + "0f" * 16}


@given(entries)
def test_nothing_of_an_entry_is_lost_in_ocsf(entry):
    said = json.loads(ocsf.line(entry))
    rest = said.get("unmapped", {})
    event = entry.event
    assert rest.get("details", {}) == event.details
    assert rest.get("policies", []) == event.policies
    assert rest.get("records", []) == event.records
    assert said.get("status_detail", "") == event.missing
    assert said["metadata"]["uid"] == entry.leaf_hash.hex()
    assert said["metadata"]["sequence"] == entry.position
    assert said["metadata"]["original_time"] == event.time


# "CloudTrail record contents": those that are not optional there.
MANDATORY = {
    "eventTime", "eventVersion", "userIdentity", "eventSource", "eventName", "awsRegion",
    "sourceIPAddress", "requestParameters", "responseElements", "eventID", "eventType",
    "managementEvent", "eventCategory", "recipientAccountId", "readOnly", "requestID",
}  # fmt: skip


@given(entries)
def test_a_cloudtrail_record_has_its_fields_and_loses_nothing(entry):
    said = json.loads(cloudtrail.line(entry))
    event, more = entry.event, said["additionalEventData"]
    assert set(said) >= MANDATORY
    assert said["requestID"] == event.request
    assert (more["action"], more["time"], more["position"]) == (
        event.action, event.time, entry.position,
    )  # fmt: skip
    assert more["leafHash"] == entry.leaf_hash.hex()
    assert more.get("policies", []) == event.policies
    assert ("errorCode" in said) == (not entry.allowed)


def test_the_same_entry_has_the_same_event_id_and_another_has_another():
    first, again = cloudtrail.record(simple()), cloudtrail.record(simple())
    other = cloudtrail.record(simple(version=2))
    assert first["eventID"] == again["eventID"] != other["eventID"]
    assert [len(part) for part in first["eventID"].split("-")] == [8, 4, 4, 4, 12]


def test_cloudtrail_says_who_did_it():
    identity = cloudtrail.record(simple(principal="billing", token="abc"))["userIdentity"]
    assert identity == {
        "type": "IAMUser", "principalId": "default/billing", "accountId": "default",
        "arn": "arn:strongroom:strongroom::default:principal/billing", "userName": "billing",
        "accessKeyId": "abc",
    }  # fmt: skip
    steward = cloudtrail.record(simple(action="key.destroy", principal="strongroom:steward"))
    assert steward["userIdentity"] == {"type": "AWSService", "invokedBy": "strongroom:steward"}
    assert steward["eventType"] == "AwsServiceEvent"
    assert cloudtrail.record(simple())["userIdentity"] == {"type": "Unknown"}


def test_cloudtrail_says_of_what():
    record = cloudtrail.record(simple(object="key/demo", version=3, details={"count": 2}))
    assert record["requestParameters"] == {"count": 2, "keyId": "demo", "keyVersion": 3}
    assert record["resources"] == [
        {
            "ARN": "arn:strongroom:strongroom::default:key/demo",
            "accountId": "default",
            "type": "Strongroom::Key",
        }
    ]
    assert (record["eventCategory"], record["managementEvent"]) == ("Data", False)
    assert not cloudtrail.record(simple(action="key.create"))["readOnly"]
    assert cloudtrail.record(simple(action="key.list"))["readOnly"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        simple().body[:-1],
        simple().body.replace(b"2026-01-31T12:00:00.123456Z", b"yesterday"),
        simple().body.replace(b"2026-01-31T12:00:00.123456Z", b"2026-01-31T12:00:00"),
    ],
)
def test_what_is_no_entry_is_refused_with_its_position(body):
    with pytest.raises(ValueError, match=r"^what stands at position 7 is no audit entry$"):
        Entry.read(7, bytes(32), body)
