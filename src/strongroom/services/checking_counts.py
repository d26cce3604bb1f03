"""Counts of uses, computed anew from the log and compared with those that are stored."""

from collections.abc import Iterator

from strongroom.domain.events import Event, tally
from strongroom.domain.times import DAY_US
from strongroom.ports.inspection import Inspection


class Counts:
    """Counts of uses, computed anew beside those that are stored."""

    def __init__(self, inspection: Inspection) -> None:
        stored: dict[tuple[object, ...], tuple[object, object, object]] = {}
        for row in inspection.usage():
            key = (row.namespace, row.about, row.day, row.version, row.principal)
            stored[key] = (row.uses, row.last_us, row.through)
        counted = inspection.meta("counted")
        self._counted = counted if isinstance(counted, int) else 0
        self._stored = stored
        self._computed: dict[tuple[object, ...], tuple[int, int]] = {}
        self.rows = len(stored)

    def add(self, namespace: object, time_us: object, position: int, event: Event) -> None:
        """Count an entry."""
        if not isinstance(time_us, int):
            return
        for name, version, count in tally(event):
            key = (namespace, name, time_us // DAY_US, version, event.principal)
            _, _, through = self._stored.get(key, (0, 0, 0))
            reach = through if isinstance(through, int) else 0
            if count > 0 and position < max(self._counted, reach):
                had, last = self._computed.get(key, (0, time_us))
                self._computed[key] = (had + count, max(last, time_us))

    def differences(self) -> Iterator[tuple[str, str]]:
        """Where the two are not the same: which count, and what is wrong."""
        for key in self._stored.keys() | self._computed.keys():
            count, last_us, _ = self._stored.get(key, (0, 0, 0))
            if (count, last_us) != self._computed.get(key, (0, 0)):
                told, _ = self._computed.get(key, (0, 0))
                shown = "/".join(str(part) for part in key[1:])
                yield shown, f"it says {count} uses, the log tells of {told}"
