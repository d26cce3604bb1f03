"""The command's tree."""

import sys
from typing import Annotated

import typer

from strongroom import __version__
from strongroom.cli import (
    alerts,
    aliases,
    audit,
    aws_keys,
    catalogue,
    crypt,
    data_keys,
    evidence,
    exchange,
    exits,
    exporting,
    grants,
    identities,
    keys,
    namespaces,
    node,
    offline,
    otp,
    policies,
    re_encrypt,
    rewrap,
    server,
    signing,
)
from strongroom.cli.command import CaFile, OutputOption, ProfileName, TokenFrom, Url
from strongroom.cli.settings import Common

_DATA, _SIGNING, _SECRETS = "Keys and data", "Signatures", "Keys of your own"
_RIGHTS, _AUDIT, _NODE = "Who may do what", "What was done", "Server"
_OTP = "One-time passwords"


# Once, here: the module's own app keeps what it is given, however often the whole is built.
evidence.register(audit.app)
exporting.register(audit.app)


def build() -> typer.Typer:
    """All of it."""
    app = typer.Typer(
        name="strongroom",
        help="Keys that never leave the room: encrypt, decrypt, grant, and prove what was done.\n\n"
        "The server is that of --url or STRONGROOM_URL; the token is in STRONGROOM_TOKEN, or both"
        " are in a profile. A token is never given on the command line.",
        epilog=exits.SUMMARY,
        no_args_is_help=True,
        # We have our own last words, and none of them is a traceback.
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_common)
    crypt.register(app, _DATA)
    re_encrypt.register(app, _DATA)
    rewrap.register(app, _DATA)
    app.add_typer(keys.app, name="key", rich_help_panel=_DATA)
    app.add_typer(aliases.app, name="alias", rich_help_panel=_DATA)
    catalogue.register(app, _DATA)
    signing.register(app, _SIGNING)
    aliases.register(app, _SIGNING)
    data_keys.register(app, _SECRETS)
    exchange.register(app, _SECRETS)
    app.add_typer(identities.principals, name="principal", rich_help_panel=_RIGHTS)
    app.add_typer(identities.tokens, name="token", rich_help_panel=_RIGHTS)
    app.add_typer(aws_keys.app, name="aws-key", rich_help_panel=_RIGHTS)
    app.add_typer(identities.roles, name="role", rich_help_panel=_RIGHTS)
    app.add_typer(policies.app, name="policy", rich_help_panel=_RIGHTS)
    app.add_typer(grants.policies, name="key-policy", rich_help_panel=_RIGHTS)
    app.add_typer(grants.grants, name="grant", rich_help_panel=_RIGHTS)
    app.add_typer(namespaces.app, name="namespace", rich_help_panel=_RIGHTS)
    identities.register(app, _RIGHTS)
    app.add_typer(audit.app, name="audit", rich_help_panel=_AUDIT)
    app.add_typer(alerts.app, name="alerts", rich_help_panel=_AUDIT)
    policies.register(app, _AUDIT)
    app.add_typer(otp.app, name="otp", rich_help_panel=_OTP)
    node.register(app, _NODE)
    server.register(app)
    offline.register(app)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"strongroom {__version__}\n")
        raise typer.Exit


def _common(
    context: typer.Context,
    url: Url = None,
    profile: ProfileName = None,
    ca_file: CaFile = None,
    token_from: TokenFrom = None,
    output: OutputOption = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    del version
    # These may stand before the subcommand or after it; after it, they win.
    context.obj = Common(url, profile, ca_file, token_from, output)
