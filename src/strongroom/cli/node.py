"""`strongroom status`."""

from typing import TYPE_CHECKING, Final

import typer

from strongroom.cli import screen
from strongroom.cli.command import command
from strongroom.cli.session import Session

if TYPE_CHECKING:
    from rich.text import Text

    from strongroom.domain import asks

Room = dict[str, str | int | float | bool | list[dict[str, str | bool]]]


def register(app: typer.Typer, panel: str) -> None:
    """Add it to the app."""

    @command(app, "status", panel=panel)
    def status(at: Session) -> None:
        """Describe the node, its rooms and how they are hardened."""
        from strongroom.client import calls

        answer = at.ask(calls.read_status())
        if at.json:
            at.show_json(answer)
            return
        screen.show_facts(
            (
                ("server", at.place.url),
                ("deployment", answer.deployment),
                ("namespace", answer.namespace),
                ("seal", answer.seal),
                ("store", answer.store),
                ("epoch", str(answer.epoch)),
                ("audit entries", f"{answer.tree_size:,}"),
                ("signed", f"{answer.signed_size:,}"),
                *_counted(answer),
            )
        )
        if answer.rooms:
            _show_rooms(answer.rooms)


def _counted(answer: "asks.StatusView") -> list[tuple[str, str]]:
    """What witnesses have cosigned, where they are asked to."""
    if answer.counted_size == answer.signed_size:
        return []
    return [("cosigned", f"{answer.counted_size:,}")]


def _show_rooms(rooms: list[Room]) -> None:
    screen.show_lines("")
    # The rooms say of themselves what there is to say; a column is shown if any room has it.
    columns = list(
        dict.fromkeys(
            name for room in rooms for name, value in room.items() if not isinstance(value, list)
        )
    )
    screen.show_table(
        [_HEADS.get(column, column) for column in columns],
        [[_value(column, room.get(column, "")) for column in columns] for room in rooms],
    )
    _show_hardening(rooms)


def _show_hardening(rooms: list[Room]) -> None:
    """A row for each measure, a column for each room; below, why one does not hold somewhere."""
    found: dict[str, dict[str, bool]] = {}
    remarks: dict[str, list[str]] = {}
    for room in rooms:
        measures = room.get("hardening")
        for measure in measures if isinstance(measures, list) else ():
            what, name = str(measure.get("measure", "")), str(room.get("name", ""))
            active, remark = bool(measure.get("active")), str(measure.get("note", ""))
            found.setdefault(what, {})[name] = active
            if remark and not active:
                remarks.setdefault(f"{what}: {remark}", []).append(name)
    if not found:
        return
    names = list(dict.fromkeys(name for held in found.values() for name in held))
    screen.show_lines("")
    screen.show_table(
        ("hardening", *names),
        [(what, *(_held(held.get(name)) for name in names)) for what, held in found.items()],
    )
    for remark, where in remarks.items():
        screen.note(f"{remark} ({', '.join(where)})")


_HEADS: Final = {"seconds": "up", "memory_mib": "memory"}


def _held(active: bool | None) -> "str | Text":
    if active is None:
        return "-"
    return screen.styled("yes" if active else "no")


def _value(column: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column == "memory_mib":
        return f"{value} MiB"
    if column == "seconds" and isinstance(value, int):
        return _duration(value)
    return str(value)


def _duration(seconds: int) -> str:
    """The two largest units: `3d 4h`."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{number}{unit}" for number, unit in parts[:2])
