"""Findings about what is in a house's log, and alerts of them."""

import json

from strongroom.domain.findings import Evidence, Finding, Severity
from tests.support.desks import at_once


def finding(house, *positions, rule="a-rule", namespace="default", **fields):
    """A finding whose evidence is the entries at these positions; without any, the first one."""
    evidence = []
    for position in positions or (0,):
        (stored,) = house.store.entries(position, 1)
        entry = json.loads(stored.body)
        evidence.append(Evidence(position, entry["request"], entry["time"]))
    given = {
        "severity": Severity.MEDIUM,
        "subject": "key/cards",
        "sentence": "key/cards was used by a stranger (threshold: none)",
    }
    return Finding(rule=rule, namespace=namespace, evidence=evidence, **given | fields)


def raised(house, desk, rule="a-rule", *positions, **fields):
    """Have it raised. Returns the alert's id."""
    found = finding(house, *positions, rule=rule, **fields)
    at_once(desk.alerts.raise_(found))
    return found.id.hex()
