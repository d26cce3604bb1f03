"""`strongroom grant ...` and `strongroom key-policy ...`: the rights that are kept with a key."""

from typing import Annotated, Final

import typer

from strongroom.cli import arguments, files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import Failure, usage
from strongroom.cli.paging import collected, more
from strongroom.cli.session import Session
from strongroom.domain import limits

grants = typer.Typer(no_args_is_help=True, help="Operations with one key for one principal.")
policies = typer.Typer(no_args_is_help=True, help="A key's own policy, in AWS's words (IAM JSON).")

_TOO_LONG: Final = Failure(
    Exit.REFUSED, f"A key's policy has at most {limits.KEY_POLICY_BYTES_MAX:,} bytes."
)

GrantId = Annotated[str, typer.Argument(metavar="GRANT", help="The grant's id.")]
Principal = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Who gets it.")]


@command(grants, "create")
def create(
    at: Session,
    key: arguments.Key,
    grantee: Principal,
    operations: Annotated[
        list[str], typer.Argument(metavar="OPERATION...", help="AWS's names, such as Decrypt.")
    ],
    context: arguments.Context = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="The context has these pairs and no others.")
    ] = False,
    retiring: Annotated[
        str | None, typer.Option("--retiring", metavar="PRINCIPAL", help="Who may end it, too.")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="Under one name, the same grant is made only once.")
    ] = "",
) -> None:
    """Grant a principal operations with a key. It holds from the answer on."""
    from strongroom.client import rights

    pairs = arguments.pairs(context, "--context") or None
    answer = at.ask(
        rights.create_grant(
            key, grantee, operations, context_equals=pairs if exact else None,
            context_subset=None if exact else pairs, retiring=retiring, name=name,
        )
    )  # fmt: skip
    if at.json:
        at.show_json(answer)
    else:
        screen.done(f"{grantee} may {', '.join(answer.operations)} with {answer.key} from now on.")
        screen.show_lines(answer.id)


@command(grants, "list")
def list_(
    at: Session,
    key: arguments.Key,
    grantee: Annotated[
        str, typer.Option("--grantee", metavar="PRINCIPAL", help="Only this principal's.")
    ] = "",
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List the grants of a key."""
    from strongroom.client import rights

    found, following = collected(
        at,
        lambda **page: rights.list_grants(key, grantee=grantee, **page),
        lambda page: page.grants,
        limit,
        page_token,
        all_pages=all_pages,
    )
    if at.json:
        at.show_json({"grants": found, "next_page_token": following})
        return
    if found:
        screen.show_table(
            ("grant", "grantee", "operations", "name"),
            [(each.id, each.grantee, ", ".join(each.operations), each.name) for each in found],
        )
    elif not following:
        screen.note("The key has no grants.")
    more(following)


@command(grants, "retirable")
def retirable(
    at: Session,
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Who may end them.")],
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
) -> None:
    """List the grants that a principal may retire, of whatever key."""
    from strongroom.client import rights

    answer = at.ask(rights.list_retirable_grants(principal, limit=limit, page_token=page_token))
    if at.json:
        at.show_json(answer)
        return
    screen.show_table(
        ("grant", "key", "grantee"), [(each.id, each.key, each.grantee) for each in answer.grants]
    )
    more(answer.next_page_token)


@command(grants, "retire")
def retire(at: Session, key: arguments.Key, grant: GrantId) -> None:
    """End a grant that names you for that."""
    from strongroom.client import rights

    at.ask(rights.retire_grant(key, _grant_id(grant)))
    screen.done("The grant has ended.")


@command(grants, "revoke")
def revoke(at: Session, key: arguments.Key, grant: GrantId) -> None:
    """End a grant of a key. It holds at once and everywhere."""
    from strongroom.client import rights

    at.ask(rights.revoke_grant(key, _grant_id(grant)))
    screen.done("The grant has ended.")


@command(policies, "show")
def show(at: Session, key: arguments.Key) -> None:
    """Print a key's own policy."""
    from strongroom.client import rights

    answer = at.ask(rights.read_key_policy(key))
    if at.json:
        at.show_json(answer)
    elif answer.policy:
        screen.show_lines(answer.policy)
    else:
        screen.note("The key has none: the namespace's policies alone decide.")


@command(policies, "set")
def set_(
    at: Session,
    key: arguments.Key,
    source: Annotated[
        str, typer.Option("--in", metavar="FILE", help="Read this file instead of standard input.")
    ] = files.PIPE,
    bypass: Annotated[
        bool,
        typer.Option("--bypass-lockout-check", help="Though you could not change it again."),
    ] = False,
) -> None:
    """Write a key's own policy, at once and everywhere. An empty one: the default."""
    from strongroom.client import rights

    data = files.read(source, limits.KEY_POLICY_BYTES_MAX, _TOO_LONG)
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        raise usage(f"{source} is not UTF-8 text.") from None
    answer = at.ask(rights.write_key_policy(key, text, bypass_lockout_check=bypass))
    if at.json:
        at.show_json(answer)
    else:
        screen.done(f"The policy of {answer.key} is written.")


def _grant_id(text: str) -> str:
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):  # noqa: PLR2004 - its form
        raise usage("A grant's id is 64 hexadecimal digits; `strongroom grant list` shows it.")
    return text
