"""`strongroom status`."""

import typer

from strongroom.cli import screen
from strongroom.cli.command import command
from strongroom.cli.session import Session

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
            )
        )
        if answer.rooms:
            _show_rooms(answer.rooms)


def _show_rooms(rooms: list[Room]) -> None:
    # The rooms say of themselves what there is to say; a column is shown if any room has it.
    columns = list(
        dict.fromkeys(
            name for room in rooms for name, value in room.items() if not isinstance(value, list)
        )
    )
    screen.show_lines("")
    screen.show_table(
        [screen.neutral(column) for column in columns],
        [[_value(room.get(column, "")) for column in columns] for room in rooms],
    )
    hardening = [
        [str(room.get("room", room.get("name", ""))), *map(_value, measure.values())]
        for room in rooms
        for value in room.values()
        if isinstance(value, list)
        for measure in value
    ]
    if hardening:
        screen.show_lines("")
        width = max(map(len, hardening))
        heads = ["room", "measure", "holds", "remark"][:width] + [""] * (width - 4)
        screen.show_table(heads, [row + [""] * (width - len(row)) for row in hardening])


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
