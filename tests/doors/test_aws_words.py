"""What a custodian says of a signature is said in AWS's words."""

import json
import time

import pytest

from strongroom.domain import sigv4
from strongroom.domain.calls import Reply
from strongroom.doors.aws.door import AWSDoor
from tests.support.desks import at_once


class Refusing:
    """A custodian that takes no signature."""

    def __init__(self, why):
        self._reply = Reply(code="unauthenticated", detail=why)

    async def ask(self, call):
        del call
        return self._reply


def said(why, *, signed_seconds_ago=0, expires=0, **settings):
    """The error of a request whose signature a custodian refuses."""
    date = sigv4.spell_time(time.time() - signed_seconds_ago)
    names = "content-type;host;x-amz-date;x-amz-target"
    headers = {
        "host": "h", "content-type": "application/x-amz-json-1.1", "x-amz-date": date,
        "x-amz-target": "TrentService.ListKeys",
        "authorization": f"AWS4-HMAC-SHA256 Credential=SRAKAAAAAAAAAAAAAAAA/{date[:8]}/eu-west-1"
        f"/kms/aws4_request, SignedHeaders={names}, Signature={'0' * 64}",
    }  # fmt: skip
    query = ""
    if expires:
        del headers["authorization"], headers["x-amz-date"]
        query = (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=SRAKAAAAAAAAAAAAAAAA"
            f"/{date[:8]}/eu-west-1/kms/aws4_request&X-Amz-Date={date}&X-Amz-Expires={expires}"
            f"&X-Amz-SignedHeaders=content-type;host;x-amz-target&X-Amz-Signature={'0' * 64}"
        )
    scope = {
        "type": "http", "method": "POST", "raw_path": b"/", "query_string": query.encode(),
        "client": None,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"{}"}

    async def send(message):
        sent.append(message)

    def quiet(*_):
        pass

    at_once(AWSDoor(Refusing(why), observe=quiet, log=quiet, **settings)(scope, receive, send))
    assert sent[0]["status"] == 400
    error = json.loads(sent[1]["body"])
    return error["__type"], error["message"]


def test_a_session_that_is_over_is_said_to_be():
    assert said(sigv4.SESSION_ENDED) == (
        "ExpiredTokenException", "The security token included in the request is expired",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ago", "seconds", "first", "last"),
    [
        (301, 300, "Signature expired: ", " - 5 min.)"),
        (91, 90, "Signature expired: ", " - 1.5 min.)"),
        (-301, 300, "Signature not yet current: ", " + 5 min.)"),
    ],
)
def test_a_clock_that_is_wrong_is_told_by_how_much_it_may_be(ago, seconds, first, last):
    code, message = said(sigv4.EXPIRED, signed_seconds_ago=ago, signature_seconds=seconds)
    assert code == "InvalidSignatureException"
    assert message.startswith(first)
    assert message.endswith(last)


def test_a_presigned_request_that_is_too_old_is_told_its_own_time():
    code, message = said(sigv4.EXPIRED, signed_seconds_ago=100, expires=90)
    assert code == "InvalidSignatureException"
    assert message.endswith(" - 1.5 min.)")
    signed, bound = message.split()[2], message.split()[7]
    assert signed < bound, message
