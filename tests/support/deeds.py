"""What the audit log says, read from the store: nobody is asked who could leave something out."""

import json

from strongroom.ports.store import EventQuery

STEWARD = "strongroom:steward"


def entries(house, **query):
    """All entries of the first namespace, as they are written."""
    found, after, more = [], -1, True
    while more:
        page = house.store.events(
            EventQuery(namespace=house.first, after=after, limit=1_000, **query)
        )
        found += [json.loads(event.body) for event in page.events]
        more = page.scanned > after and page.scanned < page.tree_size - 1
        after = page.scanned
    return found


def deeds(house, name=""):
    """Action and details of what the steward did, with that key."""
    return [
        (entry["action"], entry.get("details", {}))
        for entry in entries(house, principal=STEWARD, object=f"key/{name}" if name else "")
    ]
