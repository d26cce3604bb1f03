"""`strongroom principal ...`, `token ...`, `role list` and `whoami`."""

from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import arguments, screen
from strongroom.cli.command import command
from strongroom.cli.paging import collected, more
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain import asks

principals = typer.Typer(no_args_is_help=True, help="People and programs, and their roles.")
tokens = typer.Typer(no_args_is_help=True, help="API tokens: make, list, revoke.")
roles = typer.Typer(no_args_is_help=True, help="The roles and what each allows.")

PrincipalName = Annotated[str, typer.Argument(metavar="NAME", help="The principal's name.")]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="ROLE", help="A role; `strongroom role list`. Repeatable."),
]


@command(principals, "create")
def create_principal(
    at: Session, name: PrincipalName, role: Roles = None, description: arguments.Description = None
) -> None:
    """Make an identity for a person or a program."""
    from strongroom.client import calls

    call = calls.create_principal(name, roles=role, description=description or "")
    _show_principal(at, at.ask(call))


@command(principals, "list")
def list_principals(
    at: Session,
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List the identities of the namespace, by name."""
    from strongroom.client import calls

    found, following = collected(
        at,
        calls.list_principals,
        lambda page: page.principals,
        limit,
        page_token,
        all_pages=all_pages,
    )
    if at.json:
        at.show_json({"principals": found, "next_page_token": following})
    elif not found:
        screen.note("There are no principals.")
    else:
        screen.show_table(
            ("name", "state", "roles", "description", "created"),
            [
                (
                    each.name,
                    screen.styled(_state(each)),
                    ", ".join(each.roles),
                    each.description,
                    screen.moment(each.created),
                )
                for each in found
            ],
        )
        more(following)


@command(principals, "show")
def show_principal(at: Session, name: PrincipalName) -> None:
    """Show an identity."""
    from strongroom.client import calls

    _show_principal(at, at.ask(calls.read_principal(name)))


@command(principals, "update")
def update_principal(
    at: Session,
    name: PrincipalName,
    role: Roles = None,
    no_roles: Annotated[bool, typer.Option("--no-roles", help="Take all roles away.")] = False,
    disable: Annotated[
        bool, typer.Option("--disable", help="Refuse the principal, at once and everywhere.")
    ] = False,
    enable: Annotated[bool, typer.Option("--enable", help="Let the principal in again.")] = False,
    description: arguments.Description = None,
) -> None:
    """Change roles or description, disable or enable. The roles given replace all there were."""
    from strongroom.client import calls

    arguments.only_one({"--role": bool(role), "--no-roles": no_roles})
    arguments.only_one({"--disable": disable, "--enable": enable})
    arguments.at_least_one(role, no_roles, disable, enable, description is not None)
    call = calls.update_principal(
        name,
        roles=(role or []) if role or no_roles else None,
        description=description,
        disabled=disable if disable or enable else None,
    )
    _show_principal(at, at.ask(call))


@command(roles, "list")
def list_roles(at: Session) -> None:
    """List the roles and what each allows."""
    from strongroom.client import calls

    answer = at.ask(calls.list_roles())
    if at.json:
        at.show_json(answer)
    else:
        screen.show_table(
            ("role", "what it does"), [(each.name, each.summary) for each in answer.roles]
        )


@command(tokens, "create")
def create_token(
    at: Session,
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Whose token it is.")],
    days: arguments.TokenDays = limits.TOKEN_DAYS_DEFAULT,
    description: arguments.Description = None,
) -> None:
    """Make an API token. It is shown this once and cannot be shown again."""
    from strongroom.client import calls

    answer = at.ask(calls.create_token(principal, days=days, description=description or ""))
    if at.json:
        at.show_json(answer)
        return
    screen.show_facts(
        (
            ("token", answer.token),
            ("id", answer.id),
            ("principal", answer.principal),
            ("expires", screen.moment(answer.expires)),
            ("description", answer.description),
        )
    )
    screen.note("Keep the token now: only its hash is stored, and nobody can show it again.")


@command(tokens, "list")
def list_tokens(
    at: Session,
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List the tokens of the namespace, without their secrets."""
    from strongroom.client import calls

    found, following = collected(
        at, calls.list_tokens, lambda page: page.tokens, limit, page_token, all_pages=all_pages
    )
    if at.json:
        at.show_json({"tokens": found, "next_page_token": following})
    elif not found:
        screen.note("There are no tokens.")
    else:
        screen.show_table(
            ("id", "principal", "state", "expires", "description"),
            [
                (
                    each.access_key or each.id,
                    each.principal,
                    screen.styled("revoked" if each.revoked else "active"),
                    screen.moment(each.expires),
                    each.description,
                )
                for each in found
            ],
        )
        more(following)


@command(tokens, "revoke")
def revoke_token(
    at: Session, token_id: Annotated[str, typer.Argument(metavar="ID", help="The token's id.")]
) -> None:
    """Revoke a token, at once and everywhere."""
    from strongroom.client import calls

    arguments.not_a_token(token_id)
    at.ask(calls.revoke_token(token_id))
    screen.done(f"The token {token_id} is revoked. It opens nothing any more.")


def register(app: typer.Typer, panel: str) -> None:
    """Add what stands at the top."""

    @command(app, "whoami", panel=panel)
    def whoami(at: Session) -> None:
        """Say whose token this is, and which roles that gives."""
        from strongroom.client import calls

        answer = at.ask(calls.whoami())
        if at.json:
            at.show_json(answer)
            return
        screen.show_facts(
            (
                ("principal", answer.principal),
                ("namespace", answer.namespace),
                ("roles", ", ".join(answer.roles) or "none"),
                ("token", answer.token),
                ("expires", screen.moment(answer.expires)),
                ("server", at.place.url),
            )
        )


def _show_principal(at: Session, principal: "asks.PrincipalView") -> None:
    if at.json:
        at.show_json(principal)
        return
    screen.show_facts(
        (
            ("name", principal.name),
            ("state", screen.styled(_state(principal))),
            ("roles", ", ".join(principal.roles) or "none"),
            ("description", principal.description),
            ("created", screen.moment(principal.created)),
            ("id", principal.id),
        )
    )


def _state(principal: "asks.PrincipalView") -> str:
    return "disabled" if principal.disabled else "enabled"
