"""`strongroom alias ...` and `strongroom jwks`: what else keys are found by."""

from typing import Annotated

import typer

from strongroom.cli import arguments, screen
from strongroom.cli.command import command
from strongroom.cli.paging import collected, more
from strongroom.cli.session import Session
from strongroom.domain import limits

app = typer.Typer(no_args_is_help=True, help="Other names for keys, which move from key to key.")

AliasName = Annotated[
    str, typer.Argument(metavar="NAME", help="The alias, without `alias:` before it.")
]


@command(app, "set")
def set_(
    at: Session,
    name: AliasName,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The name of the key.")],
) -> None:
    """Make an alias, or move it to another key. `alias:NAME` then stands for that key.

    It is one step, at once and everywhere. It needs the right for both keys.
    """
    from strongroom.client import transfers

    answer = at.ask(transfers.write_alias(name, key))
    if at.json:
        at.show_json(answer)
    else:
        screen.done(f"alias:{answer.name} is {answer.key} from now on.")


@command(app, "list")
def list_(
    at: Session,
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List the aliases of the namespace, by name."""
    from strongroom.client import transfers

    found, following = collected(
        at,
        transfers.list_aliases,
        lambda page: page.aliases,
        limit,
        page_token,
        all_pages=all_pages,
    )
    if at.json:
        at.show_json({"aliases": found, "next_page_token": following})
        return
    if found:
        screen.show_table(
            ("alias", "key", "created"),
            [(f"alias:{each.name}", each.key, screen.moment(each.created)) for each in found],
        )
    elif not following:
        screen.note("There are no aliases. To make one: strongroom alias set NAME KEY")
    more(following)


@command(app, "delete")
def delete(at: Session, name: AliasName) -> None:
    """Delete an alias. The key stays as it is."""
    from strongroom.client import transfers

    at.ask(transfers.delete_alias(name))
    screen.done(f"alias:{name} is gone.")


def register(app: typer.Typer, panel: str) -> None:
    """Add what stands at the top."""

    @command(app, "jwks", panel=panel)
    def jwks(
        at: Session,
        namespace: Annotated[
            str,
            typer.Option(
                "--namespace",
                metavar="NAME",
                help="That namespace's, if it publishes them (`namespace update --publish-keys`).",
            ),
        ] = "",
    ) -> None:
        """Print the public halves of the signing keys as a JWK set, for verifiers of JWTs."""
        from strongroom.client import transfers

        call = transfers.read_published_jwks(namespace) if namespace else transfers.read_jwks()
        at.show_json(at.ask(call))
