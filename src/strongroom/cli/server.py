"""The commands that run a server rather than talk to one."""

import typer


def register(app: typer.Typer) -> None:
    """Add them to the app."""
