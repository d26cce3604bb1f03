r"""ArcSight's Common Event Format, version 0.

`CEF:0|vendor|product|version|action|name|severity|` and then `key=value`, apart by spaces. The
version is that of the entry's format: it says what the fields mean, whichever release wrote them.

In the head, `\` and `|` are escaped, and there are no line breaks. In values, `\` and `=` are
escaped and line breaks are written `\n` and `\r`; a `|` is itself. What is empty is left out.
"""

import ipaddress
from collections.abc import Iterator
from typing import Final

import msgspec

from strongroom.export.acts import Weight, activity, weight
from strongroom.export.entry import Entry

# Of 0 to 10: low to 3, medium to 6, high to 8, very high above.
SEVERITIES: Final = {
    Weight.INFORMATIONAL: 1,
    Weight.LOW: 3,
    Weight.MEDIUM: 5,
    Weight.HIGH: 8,
    Weight.CRITICAL: 10,
}

_HEAD: Final = str.maketrans({"\\": r"\\", "|": r"\|", "\n": " ", "\r": " "})
_VALUE: Final = str.maketrans({"\\": r"\\", "=": r"\=", "\n": r"\n", "\r": r"\r"})

_encoder = msgspec.json.Encoder(order="sorted")


def line(entry: Entry) -> bytes:
    """One line, with its line feed."""
    event = entry.event
    head = (
        "CEF:0", "Strongroom", "Strongroom", str(event.format), event.action,
        f"{event.action} {event.outcome}", str(SEVERITIES[weight(event)]),
    )  # fmt: skip
    values = [f"{key}={value.translate(_VALUE)}" for key, value in _extension(entry) if value]
    text = "|".join(part.translate(_HEAD) for part in head) + "|" + " ".join(values) + "\n"
    return text.encode()


def _extension(entry: Entry) -> Iterator[tuple[str, str]]:
    """The fields: those of CEF's dictionary where it has one, our own names elsewhere."""
    event = entry.event
    yield "rt", str(entry.time_ms)
    yield "externalId", event.request
    yield "cat", activity(event)
    yield "act", event.action
    yield "outcome", "success" if entry.allowed else "failure"
    yield "reason", event.reason
    yield "msg", event.missing
    yield "suser", event.principal
    yield from _source(event.source)
    yield from _custom("cs1", "namespace", event.namespace)
    yield from _custom("cs2", "object", event.object)
    yield from _custom("cs3", "policies", " ".join(event.policies))
    yield from _custom("cs4", "details", _json(event.details))
    yield from _custom("cs5", "leaf hash", entry.leaf_hash.hex())
    yield from _custom("cs6", "token", event.token)
    yield from _custom("cn1", "position", str(entry.position))
    yield from _custom("cn2", "key version", str(event.version) if event.version else "")
    yield "strongroomRecords", " ".join(event.records)
    yield "strongroomSealed", event.sealed


def _custom(key: str, label: str, value: str) -> Iterator[tuple[str, str]]:
    """A field of one's own needs a label, and a label without a field says nothing."""
    if value:
        yield key, value
        yield f"{key}Label", label


def _source(source: str) -> Iterator[tuple[str, str]]:
    """CEF 0 has `src` for IPv4 only; the second custom IPv6 address is the source by custom."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:  # none, or a token in the place of a private one
        yield "strongroomSource", source
        return
    if address.version == 4:  # noqa: PLR2004 - as in IPv4
        yield "src", source
    else:
        yield from _custom("c6a2", "Source IPv6 Address", source)


def _json(details: dict[str, str | int | list[str]]) -> str:
    return _encoder.encode(details).decode() if details else ""
