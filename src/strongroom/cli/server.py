"""The commands that run a server rather than talk to one: dev, init, serve, recover, config."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from strongroom.cli import screen
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.cli.seeding import Planting
    from strongroom.config import Config
    from strongroom.domain.sensitive import Sensitive
    from strongroom.seeds import SeedKey

PANEL: Final = "Run a server"
_PASSPHRASE_BYTES_MAX: Final = 1024

ConfigFile = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="The configuration, in TOML.")
]
PassphraseFD = Annotated[
    int | None,
    typer.Option(
        "--passphrase-fd", metavar="N", min=0, help="Read the passphrase from this open descriptor."
    ),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help="Read the passphrase from this file, mode 0600."
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE",
        help="Write the administrator's token to this new file, mode 0600; do not show it.",
    ),
]  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add them to the app."""
    app.command("dev", rich_help_panel=PANEL)(dev)
    app.command("init", rich_help_panel=PANEL)(init)
    app.command("serve", rich_help_panel=PANEL)(serve)
    app.command("recover", rich_help_panel=PANEL)(recover)
    config = typer.Typer(help="Look at a server's configuration.", no_args_is_help=True)
    config.command("check")(check)
    config.command("sample")(sample)
    app.add_typer(config, name="config", rich_help_panel=PANEL)


def dev(
    listen: Annotated[
        str, typer.Option("--listen", metavar="ADDRESS:PORT", help="On loopback only. Port 0: any.")
    ] = "127.0.0.1:7600",
    data: Annotated[
        Path,
        typer.Option("--data", metavar="DIR", help="Where everything is kept; made if missing."),
    ] = Path("strongroom-dev"),
    gates: Annotated[int, typer.Option("--gates", min=1, max=64, help="HTTP processes.")] = 1,
    custodians: Annotated[
        int, typer.Option("--custodians", min=1, max=64, help="Processes that hold the keys.")
    ] = 1,
    seed: Annotated[
        Path | None,
        typer.Option(
            "--seed",
            metavar="FILE",
            help="Keys that are to be there, in TOML or JSON.",
        ),
    ] = None,
) -> None:
    """Run a server to try things out: founded, unsealed, ready in one step. Not for production."""
    from strongroom import bootstrap
    from strongroom.config import address

    bootstrap.begin()
    with in_words():
        keys = _seed(seed)
        claim = bootstrap.Claim(data)
        plan = bootstrap.dev(data, address(listen), gates=gates, custodians=custodians)
        host, port = plan.listening[0].getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        environment = data / bootstrap.DEV_ENVIRONMENT
        planting = _planting(keys, environment, lambda: _welcome(url, environment))
        bootstrap.run(
            plan,
            lambda: _begun(url, plan.fenced) if plan.fenced else planting.begin(),
        )
        claim.release()
        planting.require_done()
    screen.note("Stopped.")


def init(
    config: ConfigFile,
    passphrase_fd: PassphraseFD = None,
    passphrase_file: PassphraseFile = None,
    token_file: TokenFile = None,
) -> None:
    """Found a deployment: seal, store and administrator. The passphrase is asked for twice."""
    from strongroom import bootstrap

    with in_words():
        settings = load_config(config)
        _check_free(token_file)
        secret = passphrase_of(settings, passphrase_fd, passphrase_file, new=True)
        tokens, vkeys = bootstrap.init(settings, secret)
        _hand_over(tokens.administrator, token_file)
    screen.done(f"Founded in {Path(settings.store.path).parent}.")
    show_log_key(vkeys)
    screen.note(f"Keep the passphrase, and {settings.seal.file}: without both, all keys are lost.")
    screen.note(f"Run it: strongroom serve --config {config}")


def serve(
    config: ConfigFile,
    passphrase_fd: PassphraseFD = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Run a deployment that `strongroom init` has founded."""
    from strongroom import bootstrap

    bootstrap.begin()
    with in_words():
        settings = load_config(config)
        claim = bootstrap.Claim(Path(settings.store.path).parent)
        secret = passphrase_of(settings, passphrase_fd, passphrase_file, new=False)
        plan = bootstrap.serve(settings, secret)
        scheme = "https" if settings.server.tls_key else "http"
        bootstrap.run(plan, lambda: _begun(f"{scheme}://{settings.server.listen}", plan.fenced))
        claim.release()
    screen.note("Stopped.")


def recover(
    config: ConfigFile,
    passphrase_fd: PassphraseFD = None,
    passphrase_file: PassphraseFile = None,
    token_file: TokenFile = None,
    without_policies: Annotated[
        bool,
        typer.Option(
            "--without-policies",
            help="Also take away all policies of `default`: one of them may forbid everything.",
        ),
    ] = False,
) -> None:
    """Make a new administrator, offline: for when no token works any more. It is on record."""
    from strongroom import bootstrap

    with in_words():
        settings = load_config(config)
        _check_free(token_file)
        secret = passphrase_of(settings, passphrase_fd, passphrase_file, new=False)
        name, token = bootstrap.recover(settings, secret, without_policies=without_policies)
        _hand_over(token, token_file)
    screen.done(f"The administrator {name} is made.")


def check(config: ConfigFile) -> None:
    """Say whether a configuration can be used, and what is wrong with it."""
    with in_words():
        load_config(config)
    screen.done(f"{config} can be used.")


def sample() -> None:
    """Print a configuration with a comment for each setting."""
    from strongroom.config import SAMPLE

    screen.show_lines(SAMPLE)


def _seed(file: Path | None) -> "list[SeedKey]":
    if file is None:
        return []
    from strongroom.seeds import SeedRefused, load

    try:
        return load(file)
    except SeedRefused as refusal:
        raise usage(sentence(str(refusal))) from refusal


def _planting(keys: "list[SeedKey]", environment: Path, done: "Callable[[], None]") -> "Planting":
    from strongroom.cli.seeding import Planting

    variables = dict(
        line.split("=", 1) for line in environment.read_text().splitlines() if "=" in line
    )
    return Planting(keys, variables["STRONGROOM_URL"], variables["STRONGROOM_TOKEN"], done)


def _begun(url: str, fenced: str) -> None:
    """Whether it is ready; and if not, why."""
    if fenced:
        screen.failed(f"Strongroom runs at {url} and refuses everything.", sentence(fenced))
    else:
        screen.done(f"Strongroom is ready at {url}")


def _check_free(token_file: Path | None) -> None:
    if token_file is not None and token_file.exists():
        raise usage(f"{token_file} exists already.")
    if token_file is not None and not os.access(token_file.resolve().parent, os.W_OK):
        # Found out now: afterwards the token would be lost.
        raise usage(f"{token_file} cannot be made: there is no such folder, or it is not yours.")


def _hand_over(token: str, file: Path | None) -> None:
    """Show the token, or write it where only its owner reads it."""
    from strongroom.adapters.files import write_private

    if file is None:
        screen.note("The administrator's token, shown this once; it lasts 90 days:")
        screen.show_lines(token)
    else:
        write_private(file, token.encode() + b"\n")


def show_log_key(vkeys: tuple[str, ...]) -> None:
    """The shorter of the two; of the other, where it is."""
    screen.note(f"The audit log's key, for your auditors: {vkeys[0]}")
    screen.note("`strongroom audit key` shows it again, with the second one (ML-DSA-44).")


def load_config(path: Path) -> "Config":
    """The configuration. Raises `ConfigRefused`, which `in_words` words."""
    from strongroom.config import load

    return load(path)


def passphrase_of(
    config: "Config", descriptor: int | None, file: Path | None, *, new: bool
) -> "Sensitive":
    """From where it was said to be, else from whoever sits at the terminal. Never an argument."""
    from strongroom.adapters.files import read_private
    from strongroom.domain.sensitive import Sensitive

    if descriptor is not None and file is not None:
        raise usage("--passphrase-fd and --passphrase-file contradict each other.")
    if descriptor is not None:
        try:
            with os.fdopen(descriptor, "rb") as opened:
                content = opened.read(_PASSPHRASE_BYTES_MAX + 2)
        except OSError:
            raise usage(f"Descriptor {descriptor} cannot be read.") from None
        return Sensitive(content.removesuffix(b"\n"))
    named = file or (Path(config.seal.passphrase_file) if config.seal.passphrase_file else None)
    if named is not None:
        return Sensitive(read_private(named, _PASSPHRASE_BYTES_MAX + 1).removesuffix(b"\n"))
    if not sys.stdin.isatty():
        raise usage(
            "There is no terminal to ask for the passphrase.",
            "Use --passphrase-fd, --passphrase-file, or seal.passphrase_file in the configuration.",
        )
    typed = getpass.getpass("Passphrase: ")
    if new and getpass.getpass("The same again: ") != typed:
        raise usage("The two are not the same.")
    return Sensitive(typed.encode())


@contextmanager
def in_words() -> Iterator[None]:
    """What stands in the way, as one line."""
    from strongroom.bootstrap import CannotStart
    from strongroom.config import ConfigRefused
    from strongroom.ports.seal import SealRefused

    try:
        yield
    except (CannotStart, SealRefused) as refusal:
        raise CommandError(Failure(Exit.REFUSED, sentence(str(refusal)))) from refusal
    except ConfigRefused as refusal:
        raise usage(sentence(str(refusal))) from refusal


def sentence(text: str) -> str:
    """The text, with its full stop."""
    return text if text.endswith(".") else text + "."


def _welcome(url: str, environment: Path) -> None:
    """Where it is, how to get in, three things to try, how to stop."""
    from rich.console import Group
    from rich.rule import Rule
    from rich.text import Text

    command = _own_command()
    header = '-H "Authorization: Bearer $STRONGROOM_TOKEN"'
    post = f"curl -sS {header} -H 'Content-Type: application/json'"
    keys, one = "$STRONGROOM_URL/v1/keys", "$STRONGROOM_URL/v1/keys/orders-2"
    create, encrypt = '{"name":"orders-2"}', '{"plaintext":"aGVsbG8="}'
    decrypt = r"{\"ciphertext\":\"$C\"}"
    cut = r"""sed 's/.*"ciphertext":"\([^"]*\)".*/\1/'"""
    lines = [
        ("", f"Strongroom is ready at {url}", "bold green"),
        ("", "", ""),
        ("credentials are in ", f"{environment}", "bold"),
        ("load them with     ", f"set -a; . {_shell(environment)}; set +a", "cyan"),
        ("", "", ""),
        ("make a key         ", f"{command} key create orders", "cyan"),
        ("encrypt            ", f"echo 4111-1111 | {command} encrypt orders > card.enc", "cyan"),
        ("decrypt            ", f"{command} decrypt < card.enc", "cyan"),
        ("", "", ""),
        ("the same by curl   ", f"{post} {keys} -d '{create}'", "cyan"),
        ("                   ", f"C=$({post} {one}/encrypt -d '{encrypt}' | {cut})", "cyan"),
        ("                   ", f'{post} $STRONGROOM_URL/v1/decrypt -d "{decrypt}"', "cyan"),
        ("", "", ""),
        ("by AWS's clients   ", "aws kms create-key", "cyan"),
        ("", "", ""),
        ("read more          ", f"{url}/docs", "bold"),
        ("stop               ", "Ctrl-C", "bold"),
    ]  # fmt: skip
    warning = (
        "Development mode: the root key lies beside the data. For anything else: strongroom init."
    )
    screen.show(
        Group(
            *(Text.assemble((lead, "dim"), (text, style)) for lead, text, style in lines),
            Rule(style="dim") if sys.stdout.isatty() else Text(""),
            Text(warning, style="yellow"),
        )
    )
    sys.stdout.flush()


def _own_command() -> str:
    """How a shell calls this program: by its name if that finds this one, else by where it lies."""
    from shutil import which

    own = Path(sys.executable).with_name("strongroom")
    found = which("strongroom")
    if not own.exists() or (found is not None and Path(found).samefile(own)):
        return "strongroom"
    return _shell(Path(os.path.relpath(own)))


def _shell(path: Path) -> str:
    from shlex import quote

    text = str(path)
    # A name without a slash would be looked for in PATH.
    return quote(text if "/" in text else f"./{text}")
