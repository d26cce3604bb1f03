"""`strongroom algorithms`: what keys can be. Read from the program itself; no server is asked."""

from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import screen
from strongroom.cli.command import OutputOption
from strongroom.cli.failures import usage
from strongroom.cli.settings import Common, Output

if TYPE_CHECKING:
    from strongroom.domain.algorithms import Algorithm, Facts, Purpose, Scheme


def register(app: typer.Typer, panel: str) -> None:
    """Add it to the app."""
    app.command("algorithms", rich_help_panel=panel)(algorithms)


def algorithms(
    context: typer.Context,
    purpose: Annotated[
        str, typer.Option("--purpose", metavar="NAME", help="Only those that can be for this.")
    ] = "",
    output: OutputOption = None,
) -> None:
    """List the algorithms that keys can have, their purposes, and the schemes to choose from.

    The first purpose and the first scheme are taken where none is named. It is the list of this
    program, and asks no server: an older server may know fewer.
    """
    from strongroom.domain.algorithms import ALGORITHMS

    asked = _purpose(purpose)
    rows = [
        (algorithm, facts)
        for algorithm, facts in ALGORITHMS.items()
        if asked is None or asked in facts.schemes
    ]
    if Common(output=output).over(context.find_object(Common)).output is Output.JSON:
        screen.show_json({"algorithms": [_described(*row) for row in rows]})
        return
    screen.show_table(
        ("algorithm", "purpose", "schemes", "standing", "standard", "remark"),
        [
            # All of it in every row, so that `grep` finds what belongs together.
            (
                algorithm,
                of,
                ", ".join(_marked(scheme) for scheme in schemes),
                screen.styled(facts.standing),
                facts.standard,
                facts.summary,
            )
            for algorithm, facts in rows
            for of, schemes in facts.schemes.items()
            if asked in {None, of}
        ],
    )


def _purpose(name: str) -> "Purpose | None":
    from strongroom.domain.algorithms import Purpose

    try:
        return Purpose(name) if name else None
    except ValueError:
        raise usage(f"--purpose is one of: {', '.join(Purpose)}.") from None


def _marked(scheme: "Scheme") -> str:
    """With a warning where there is one: RSA is approved, its old padding is not."""
    from strongroom.domain.algorithms import SCHEMES, Standing

    standing = SCHEMES[scheme].standing
    return f"{scheme} ({standing})" if standing is Standing.LEGACY else scheme


def _described(algorithm: "Algorithm", facts: "Facts") -> dict[str, object]:
    from strongroom.domain.algorithms import SCHEMES

    return {
        "name": algorithm,
        "kind": facts.kind,
        "bits": facts.bits,
        "standing": facts.standing,
        "standard": facts.standard,
        "summary": facts.summary,
        "rotation_days": facts.rotation_days,
        "providers": list(facts.providers),
        "purposes": {
            purpose: [
                {
                    "name": scheme,
                    "standing": SCHEMES[scheme].standing,
                    "standard": SCHEMES[scheme].standard,
                    "digest_bytes": SCHEMES[scheme].digest_bytes,
                }
                for scheme in schemes
            ]
            for purpose, schemes in facts.schemes.items()
        },
    }
