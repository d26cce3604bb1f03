"""Options that say how long a key lives, when it rotates, and what bounds its use."""

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from strongroom.cli import arguments
from strongroom.cli.failures import sentence, usage
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain import asks

_LIFE: Final = "Its life"
_BOUNDS: Final = "Bounds on its use"
_RATE: Final = re.compile(r"([0-9]{1,6})/([0-9]{1,4})")

Activates = Annotated[
    str | None,
    typer.Option(
        "--activates",
        metavar="TIME",
        help="Nothing can be done with it before: RFC 3339, or +30d, +12h from now.",
        rich_help_panel=_LIFE,
    ),
]
Deactivates = Annotated[
    str | None,
    typer.Option(
        "--deactivates",
        metavar="TIME",
        help="From then on it only decrypts and verifies. `never` takes it off.",
        rich_help_panel=_LIFE,
    ),
]
RotationDays = Annotated[
    int | None,
    typer.Option(
        "--rotation-days",
        metavar="N",
        min=0,
        max=limits.ROTATION_DAYS_MAX,
        help="A new version every N days; 0: never.",
        rich_help_panel=_LIFE,
    ),
]
RotationUses = Annotated[
    int | None,
    typer.Option(
        "--rotation-uses",
        metavar="N",
        min=0,
        help=f"A new version after N uses, {limits.ROTATION_USES_MIN} or more; 0: never.",
        rich_help_panel=_LIFE,
    ),
]
Operations = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-operation",
        metavar="NAME",
        help="Only this, such as key.decrypt. Repeatable.",
        rich_help_panel=_BOUNDS,
    ),
]
NotBefore = Annotated[
    str | None,
    typer.Option("--not-before", metavar="TIME", help="No use before.", rich_help_panel=_BOUNDS),
]
NotAfter = Annotated[
    str | None,
    typer.Option("--not-after", metavar="TIME", help="No use after.", rich_help_panel=_BOUNDS),
]
UsesMax = Annotated[
    int | None,
    typer.Option(
        "--uses-max", metavar="N", min=1, help="So many uses, ever.", rich_help_panel=_BOUNDS
    ),
]
Rate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="N/SECONDS",
        help="So many uses in any so many seconds, such as 100/60.",
        rich_help_panel=_BOUNDS,
    ),
]
RequiredContext = Annotated[
    list[str] | None,
    typer.Option(
        "--require-context",
        metavar="NAME",
        help="Encrypt and decrypt must give this name in the context. Repeatable.",
        rich_help_panel=_BOUNDS,
    ),
]


def control(
    *,
    operations: list[str] | None,
    not_before: str | None,
    not_after: str | None,
    uses_max: int | None,
    rate: str | None,
    required_context: list[str] | None,
) -> "asks.UseControl | None":
    """All bounds that were given; None when there are none. Refuses what cannot be one."""
    from strongroom.domain import asks

    if not any((operations, not_before, not_after, uses_max, rate, required_context)):
        return None
    uses, seconds = _rate(rate) if rate else (0, 0)
    try:
        return asks.UseControl(
            operations=operations or [],
            not_before=arguments.moment(not_before, "--not-before") or "",
            not_after=arguments.moment(not_after, "--not-after") or "",
            uses_max=uses_max or 0,
            rate_uses=uses,
            rate_seconds=seconds,
            required_context=required_context or [],
        )
    except ValueError as error:
        raise usage(sentence(str(error))) from None


def _rate(text: str) -> tuple[int, int]:
    found = _RATE.fullmatch(text)
    if found is None or not int(found[1]) or not int(found[2]):
        raise usage("--rate takes N/SECONDS, such as 100/60.")
    return int(found[1]), int(found[2])
