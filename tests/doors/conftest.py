"""The door, in this process, with a real desk on a real SQLite file behind it."""

import asyncio
import json
import time

import httpx
import pytest

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.sensitive import Sensitive
from strongroom.doors.rest.app import RestDoor
from tests.support.desks import House
from tests.support.signs_at_once import SignsAtOnce


class AsCustodian:
    """A desk as the port that a door asks."""

    def __init__(self, house):
        self.house = house
        self.desk = house.desk().desk
        self.calls = []

    async def ask(self, call):
        self.calls.append(call)
        # A request's id holds the time, and entries are found by it: the clocks must agree.
        self.house.clock.now = time.time_ns() // 1000
        return await self.desk.answer(call)


class Entrance:
    """Sends requests to a door."""

    def __init__(self, house):
        self.house = house
        self.custodian = AsCustodian(house)
        self.notary = SignsAtOnce(house.store, SoftwareProvider(Sensitive(house.root)))
        self.observed = []
        self.pages = {}
        self.door = self.rebuilt()

    def rebuilt(self, custodian=None, **options):
        self.door = RestDoor(
            custodian or self.custodian,
            observe=lambda *seen: self.observed.append(seen),
            pages=self.pages,
            **options,
        )
        return self.door

    def send(self, method, address, token="", *, content=None, headers=(), json=None):
        """The response. `headers` are pairs, so that one can be there twice."""
        given = list(headers)
        if token:
            given.append(("Authorization", f"Bearer {token}"))

        async def one():
            transport = httpx.ASGITransport(app=self.door, client=("192.0.2.7", 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.request(
                    method, address, content=content, json=json, headers=given
                )

        return asyncio.run(one())

    def admin(self, method, address, **options):
        return self.send(method, address, self.house.admin, **options)

    def app(self, method, address, **options):
        return self.send(method, address, self.house.app, **options)

    def post(self, address, text, **options):
        """As the application, a body as it is written."""
        return self.app(
            "POST", address, content=text, headers=[("Content-Type", "application/json")], **options
        )

    def entries(self, **conditions):
        """What the audit log has."""
        query = "&".join(f"{name}={value}" for name, value in conditions.items())
        return self.admin("GET", f"/v1/audit/events?limit=1000&{query}").json()["events"]


@pytest.fixture(scope="session")
def _house(tmp_path_factory):
    return House(tmp_path_factory.mktemp("house") / "strongroom.db")


@pytest.fixture
def entrance(_house):
    return Entrance(_house)


def problem_of(response):
    """The problem details in a response, once they are what RFC 9457 says."""
    assert response.headers["content-type"] == "application/problem+json"
    body = json.loads(response.content)
    assert body["status"] == response.status_code
    assert body["type"] == f"urn:strongroom:problem:{body['code']}"
    assert body["request_id"] == response.headers["strongroom-request-id"]
    assert body["title"]
    assert body["detail"]
    return body
