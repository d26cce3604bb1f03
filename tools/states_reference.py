"""Writes docs/reference/states.md's tables from the program's: `python tools/states_reference.py`.

A test compares the page with the tables, so neither can change without the other.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from strongroom.domain.errors import KeyNotUsable
from strongroom.domain.lifecycle import (
    USE_COMPROMISED,
    Life,
    State,
    Transition,
    Use,
    after,
    allows,
)
from strongroom.domain.operations import OPERATIONS, Resource

PAGE: Final = Path(__file__).parent.parent / "docs" / "reference" / "states.md"
_MARK: Final = "<!-- From here on written by tools/states_reference.py; changes are lost. -->\n"
_MAKES_KEYS: Final = frozenset({"key.create", "key.restore"})
_NOW_US: Final = 1
_PROCESSES: Final = f"with `{USE_COMPROMISED}`"


def render() -> str:
    """The page: what stands above the mark, and the tables."""
    head, mark, _ = PAGE.read_text().partition(_MARK)
    return head + mark + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from ("", "## What leads where", "")
    yield from _head("operation")
    for transition in Transition:
        yield _row(f"key.{transition}", (_next(state, transition) for state in State))
    yield from ("", "Cancelling leads back to", "")
    yield from ("| destruction was scheduled when it was | it is then |", "| --- | --- |")
    for state in State:
        if _next(state, Transition.SCHEDULE_DESTRUCTION):
            yield f"| {state} | {_cancelled(state)} |"
    yield from ("", "## What each state allows", "")
    yield from _head("operation")
    for name, operation in OPERATIONS.items():
        if operation.use is not None:
            yield _row(name, (_allowed(state, operation.use) for state in State))
    free = (
        f"`{name}`" for name, operation in OPERATIONS.items()
        if operation.resource is Resource.KEY and name not in _MAKES_KEYS
        and operation.use is None and operation.transition is None
    )  # fmt: skip
    yield from ("", f"In every state: {', '.join(free)}.")


def _head(first: str) -> Iterator[str]:
    yield f"| {first} | {' | '.join(State)} |"
    yield f"| --- |{' --- |' * len(State)}"


def _row(name: str, cells: Iterator[str]) -> str:
    return f"| `{name}` | {' | '.join(cells)} |"


def _next(state: State, transition: Transition) -> str:
    try:
        return after(Life(state=state, destroys_us=_NOW_US + 1), transition, _NOW_US)
    except KeyNotUsable:
        return ""


def _cancelled(before: State) -> str:
    life = Life(state=State.DESTRUCTION_SCHEDULED, destroys_us=_NOW_US + 1, before=before)
    return after(life, Transition.CANCEL_DESTRUCTION, _NOW_US)


def _allowed(state: State, use: Use) -> str:
    if not allows(state, use):
        return ""
    return _PROCESSES if use is Use.PROCESS and state is State.COMPROMISED else "yes"


if __name__ == "__main__":
    PAGE.write_text(render())
