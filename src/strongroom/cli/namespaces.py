"""`strongroom namespace ...`: tenants, and what holds in the own one."""

from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import arguments, screen
from strongroom.cli.command import command
from strongroom.cli.paging import collected, more
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain import asks

app = typer.Typer(no_args_is_help=True, help="Tenants, and what holds in your own.")


@command(app, "create")
def create(
    at: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tenant's name.")],
    region: Annotated[
        str | None,
        typer.Option(
            "--region", metavar="REGION", help="The Region of an AWS account that it stands for."
        ),
    ] = None,
    account_of: Annotated[
        str | None,
        typer.Option(
            "--account-of", metavar="NAME", help="The namespace whose account the Region is of."
        ),
    ] = None,
) -> None:
    """Make a namespace and its administrator, whose token is shown this once."""
    from strongroom.client import calls

    answer = at.ask(calls.create_namespace(name, region=region, account_of=account_of))
    if at.json:
        at.show_json(answer)
        return
    screen.show_facts(
        (
            ("namespace", answer.name),
            ("id", answer.id),
            ("administrator", answer.administrator),
            ("token", answer.token),
            ("created", screen.moment(answer.created)),
        )
    )
    screen.note("Keep the token now: only its hash is stored, and nobody can show it again.")


@command(app, "list")
def list_(
    at: Session,
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List the namespaces, by name."""
    from strongroom.client import calls

    found, following = collected(
        at,
        calls.list_namespaces,
        lambda page: page.namespaces,
        limit,
        page_token,
        all_pages=all_pages,
    )
    if at.json:
        at.show_json({"namespaces": found, "next_page_token": following})
    else:
        screen.show_table(
            ("name", "account", "region", "id", "created"),
            [
                (
                    each.name,
                    each.account,
                    each.region or "every",
                    each.id,
                    screen.moment(each.created),
                )
                for each in found
            ],
        )
        more(following)


@command(app, "show")
def show(at: Session) -> None:
    """Show your own namespace, and what holds in it."""
    from strongroom.client import calls

    _show(at, at.ask(calls.read_namespace()))


@command(app, "update")
def update(
    at: Session,
    # Not --profile: every command has that, for something else.
    key_profile: Annotated[
        str | None,
        typer.Option(
            "--key-profile",
            metavar="NAME",
            help="Which algorithms and schemes keys may have: standard, approved or legacy.",
        ),
    ] = None,
    destruction_days_min: Annotated[
        int | None,
        typer.Option(
            "--destruction-days-min",
            metavar="N",
            min=limits.DESTRUCTION_DAYS_MIN,
            max=limits.DESTRUCTION_DAYS_MAX,
            help="The shortest time that a destruction waits.",
        ),
    ] = None,
    publish_keys: Annotated[
        bool | None,
        typer.Option(
            "--publish-keys/--no-publish-keys",
            help="Let anybody read the public halves of the signing keys.",
        ),
    ] = None,
    private_sources: Annotated[
        bool | None,
        typer.Option(
            "--private-sources/--no-private-sources",
            help="Put tokens in the place of callers' addresses in audit entries.",
        ),
    ] = None,
    otp_caller_rate: Annotated[
        int | None,
        typer.Option(
            "--otp-caller-rate",
            metavar="N",
            help="How many OTP codes one caller may try a minute; 0: any number.",
        ),
    ] = None,
    otp_source_rate: Annotated[
        int | None,
        typer.Option(
            "--otp-source-rate",
            metavar="N",
            help="How many may be tried a minute from one address; 0: any number.",
        ),
    ] = None,
) -> None:
    """Change what holds in your own namespace, at once and everywhere."""
    from strongroom.client import calls

    arguments.at_least_one(
        key_profile,
        destruction_days_min,
        publish_keys is not None,
        private_sources is not None,
        otp_caller_rate is not None,
        otp_source_rate is not None,
    )
    call = calls.update_namespace(
        profile=key_profile,
        destruction_days_min=destruction_days_min,
        publishes_keys=publish_keys,
        private_sources=private_sources,
        otp_caller_rate=otp_caller_rate,
        otp_source_rate=otp_source_rate,
    )
    _show(at, at.ask(call))


def _show(at: Session, namespace: "asks.NamespaceSettings") -> None:
    if at.json:
        at.show_json(namespace)
        return
    screen.show_facts(
        (
            ("namespace", namespace.name),
            ("key profile", namespace.profile),
            ("destruction", f"waits {namespace.destruction_days_min} days at least"),
            ("public keys", "published" if namespace.publishes_keys else "not published"),
            ("addresses", "private" if namespace.private_sources else "on record as they are"),
            ("otp, caller", _rate(namespace.otp_caller_rate)),
            ("otp, source", _rate(namespace.otp_source_rate)),
            ("account", namespace.account),
            ("region", namespace.region or "every"),
            ("created", screen.moment(namespace.created)),
            ("id", namespace.id),
        )
    )


def _rate(codes: int) -> str:
    return f"{codes:,} codes a minute" if codes else "any number of codes"
