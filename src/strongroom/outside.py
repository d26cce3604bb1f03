"""Whether what the configuration says of sinks and witnesses can be used: found out at start.

Nothing is connected: what is away today may be there tomorrow.
"""

import os
from collections.abc import Sequence
from itertools import permutations

from strongroom.adapters import sinks
from strongroom.adapters.system import SystemClock
from strongroom.adapters.witnesses import HTTPWitness
from strongroom.domain import limits
from strongroom.domain.operations import DEEDS, OPERATIONS
from strongroom.export.formats import FORMATS, Format
from strongroom.ports.sinks import FileSettings, SinkSettings, WebhookSettings
from strongroom.ports.witnesses import WitnessSettings
from strongroom.tlog import vkeys
from strongroom.tlog.cosignatures import SIGNATURE_BYTES
from strongroom.tlog.errors import TlogError

_ACTIONS = frozenset({*OPERATIONS, *DEEDS})
_JSON_LINES = "application/jsonl"


def check_sinks(settings: Sequence[SinkSettings]) -> None:
    """Raise `ValueError`, with one line for people, unless all of them can be made."""
    if len(settings) > limits.SINKS_MAX:
        raise ValueError(f"there are {len(settings)} sinks; {limits.SINKS_MAX} are possible")
    names = [each.name for each in settings]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"there are two sinks of the name {name!r}")
    files = [each.path for each in settings if isinstance(each, FileSettings)]
    for one, other in permutations(files, 2):
        if _writes_to(one, other):
            raise ValueError(f"two sinks write to {other}")
    for each in settings:
        try:
            style = _format(each)
            _check_actions(each)
            if isinstance(each, FileSettings) and (not each.path or "\0" in each.path):
                raise ValueError(f"{each.path!r} is not the name of a file")
            sink = sinks.made(
                each, media_type=style.media_type, header=style.header, clock=SystemClock()
            )
        except ValueError as error:
            raise ValueError(f"the sink {each.name!r}: {error}") from error
        sink.close()


def check_files(settings: Sequence[SinkSettings], used: Sequence[str]) -> None:
    """Likewise, unless no sink writes to a file that is needed for something else, or beside it.

    A file sink takes away what is no whole line: of a seal or a database it would leave little.
    `used` has those files. Folders among them are meant with what is in them.
    """
    for each in settings:
        if not isinstance(each, FileSettings):
            continue
        for file in used:
            if _writes_to(each.path, file) or _is_part_of(each.path, file):
                raise ValueError(f"the sink {each.name!r}: {each.path} is not for sinks")


def check_witnesses(settings: Sequence[WitnessSettings], required: int) -> None:
    """Likewise, unless all of them can be asked and as many as required can cosign."""
    if len(settings) > limits.WITNESSES_MAX:
        raise ValueError(
            f"there are {len(settings)} witnesses; {limits.WITNESSES_MAX} are possible"
        )
    names: set[str] = set()
    keys: set[bytes] = set()
    for each in settings:
        try:
            key = vkeys.parse(each.key)
        except TlogError as error:
            raise ValueError(f"the key of the witness {each.url}: {error}") from error
        if key.algorithm not in SIGNATURE_BYTES:
            raise ValueError(f"the key of the witness {key.name} is not one that cosigns")
        # One key under two names would count twice, and one name twice as two witnesses.
        if key.name in names or key.public in keys:
            raise ValueError(f"the witness {key.name} is there twice")
        names.add(key.name)
        keys.add(key.public)
        try:
            HTTPWitness(each).close()
        except ValueError as error:
            raise ValueError(f"the witness {key.name}: {error}") from error
    if required > len(settings):
        raise ValueError(
            f"audit.witnesses_required is {required}, but there are {len(settings)} witnesses"
        )


def _writes_to(sink: str, file: str) -> bool:
    """Whether a file sink writes there: to that file, or to that name when it moves its own."""
    path, other = os.path.realpath(sink), os.path.realpath(file)
    return path == other or (
        other.startswith(f"{path}.") and other.removeprefix(f"{path}.").isdecimal()
    )


def _is_part_of(sink: str, file: str) -> bool:
    """Whether it is in that folder; or named like that file and more, as a database's parts are."""
    path, other = os.path.realpath(sink), os.path.realpath(file)
    return path.startswith((f"{other}{os.sep}", f"{other}-", f"{other}."))


def _format(settings: SinkSettings) -> Format:
    style = FORMATS.get(settings.format)
    if style is None:
        raise ValueError(f"there is no format {settings.format!r}; there are {', '.join(FORMATS)}")
    if isinstance(settings, WebhookSettings) and style.media_type != _JSON_LINES:
        raise ValueError(f"a webhook gets lines of JSON, and {settings.format} is none")
    if style.header and not isinstance(settings, FileSettings):
        raise ValueError(f"{settings.format} begins with a header, so it is for files")
    return style


def _check_actions(settings: SinkSettings) -> None:
    for pattern in settings.actions:
        begin, star, rest = pattern.partition("*")
        known = begin in _ACTIONS or (star and any(one.startswith(begin) for one in _ACTIONS))
        if rest or not known:
            raise ValueError(f"no action is {pattern!r}; it would be like key.decrypt or key.*")
