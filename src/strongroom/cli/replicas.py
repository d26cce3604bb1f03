"""`strongroom key replicate`: a multi-Region key in another Region of its account."""

from typing import Annotated

import typer

from strongroom.cli import arguments, key_view, screen
from strongroom.cli.command import command
from strongroom.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add it to `strongroom key`."""

    @command(app, "replicate")
    def replicate(
        at: Session,
        name: arguments.KeyName,
        region: Annotated[str, typer.Argument(metavar="REGION", help="Where it is to be.")],
        replica_name: Annotated[
            str | None,
            typer.Option("--name", metavar="NAME", help="Another name for it there."),
        ] = None,
        label: arguments.Labels = None,
        description: arguments.Description = None,
    ) -> None:
        """Make a replica of a multi-Region key: the same material in another Region.

        Imported material does not go there by itself: import each version there, too.
        """
        from strongroom.client import keys

        call = keys.replicate_key(
            name,
            region=region,
            replica_name=replica_name,
            labels=arguments.pairs(label, "--label"),
            description=description or "",
        )
        answer = at.ask(call)
        key_view.show(at, answer)
        if answer.origin == "imported" and not at.json:
            screen.note(
                f"It waits for its material. There: strongroom key import {answer.name}"
                f" --from FILE --key-version {answer.current_version}"
            )
