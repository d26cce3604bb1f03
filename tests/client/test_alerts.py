"""Alerts by the Python client."""

import asyncio

import pytest

from strongroom.client import AsyncClient, InvalidArgumentError, ProblemError
from tests.support.alerts import raised


def test_an_alert_is_read_and_acknowledged(server, auditor):
    made = raised(server, server, "a-rule", 0)
    (listed,) = auditor.list_alerts(state="open", severity="medium").alerts
    assert listed == auditor.read_alert(made)
    assert auditor.acknowledge_alert(made, "looked at").acknowledged_by == "auditor"
    assert auditor.list_alerts(state="open").alerts == []
    assert [each.note for each in auditor.list_alerts(state="acknowledged").alerts] == ["looked at"]


def test_it_is_the_same_without_waiting(server, auditor):
    made = raised(server, server, "b-rule", 0)

    async def asked():
        async with AsyncClient(server.url, server.admin) as client:
            return await client.read_alert(made)

    assert asyncio.run(asked()) == auditor.read_alert(made)


def test_what_is_refused_is_an_error(server, auditor):
    with pytest.raises(ProblemError, match="Not found"):
        auditor.read_alert("0" * 32)
    with pytest.raises(InvalidArgumentError):
        auditor.read_alert("../keys")
    with pytest.raises(ProblemError):
        auditor.list_alerts(severity="dreadful")
    with pytest.raises(ProblemError):
        auditor.list_alerts(state="closed")
