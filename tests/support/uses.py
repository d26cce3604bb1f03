"""Commits that use a key, as a custodian makes them: body and tally of the entry say the same."""

from strongroom.domain.events import Event, Outcome, canonical, tally
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Commit, Entry, Tally

NAMESPACE = b"n" * 16
REQUEST = "019abc000000" + "0" * 20
DAY = 20_000
NOON = DAY * 86_400_000_000 + 43_200_000_000


def use(
    count=1, *, at=NOON, version=1, who="app", name="key/demo", namespace=NAMESPACE, quota=None
):
    """So many uses at once."""
    event = Event(
        action="key.encrypt", details={"count": count}, format=1, namespace="default", object=name,
        outcome=Outcome.ALLOWED, principal=who, request=REQUEST, time=rfc3339(at), version=version,
    )  # fmt: skip
    tallies = tuple(Tally(*told) for told in tally(event))
    entry = Entry(
        at, namespace, who, name, event.action, event.outcome, REQUEST, canonical(event), tallies
    )
    return Commit(0, (), entry, (), quota)
