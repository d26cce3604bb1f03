"""Requests generated from the document: no 500, no status or shape that it does not promise."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from strongroom.doors.rest import openapi
from tests.doors.conftest import Entrance
from tests.support.desks import House

CHECKS = [
    content_type_conformance,
    ignored_auth,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]


class Front:
    """An ASGI application that leads to the door of the test that runs."""

    door = None

    async def __call__(self, scope, receive, send):
        await self.door(scope, receive, send)


front = Front()
schema = schemathesis.openapi.from_dict(openapi.described("1"))
schema.app = front


@pytest.fixture
def behind(tmp_path):
    """A house of its own: what is generated may well disable its administrator."""
    entrance = Entrance(House(tmp_path / "strongroom.db"))
    entrance.notary.sign()
    front.door = entrance.door
    return entrance


@schema.exclude(path_regex="^/v1/(health|ready)$").parametrize()  # the gate's pages; not here
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_promises(case, behind):
    headers = {"Authorization": f"Bearer {behind.house.admin}"}
    case.call_and_validate(headers=headers, checks=CHECKS)
