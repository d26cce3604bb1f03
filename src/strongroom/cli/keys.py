"""`strongroom key ...`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import arguments, blobs, delivery, files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure
from strongroom.cli.paging import collected, more
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain import asks, uses

app = typer.Typer(no_args_is_help=True, help="Make, look at, rotate and stop keys.")

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="The key's name.")]


@command(app, "create")
def create(
    at: Session,
    name: KeyName,
    algorithm: Annotated[
        str,
        typer.Option(
            "--algorithm",
            metavar="NAME",
            help="What the key is: `strongroom algorithms` lists them.",
        ),
    ] = "aes-256-gcm",
    purpose: Annotated[
        str | None,
        typer.Option(
            "--purpose",
            metavar="NAME",
            help="What it is for. Without it, what its algorithm is for first.",
        ),
    ] = None,
    label: arguments.Labels = None,
    description: arguments.Description = None,
) -> None:
    """Make a key with its first version."""
    from strongroom.client import calls

    call = calls.create_key(
        name,
        algorithm=algorithm,
        purpose=purpose,
        labels=arguments.pairs(label, "--label"),
        description=description or "",
    )
    _show(at, at.ask(call))


@command(app, "list")
def list_(
    at: Session,
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List the keys of the namespace, by name."""
    from strongroom.client import calls

    keys, following = collected(
        at, calls.list_keys, lambda page: page.keys, limit, page_token, all_pages=all_pages
    )
    if at.json:
        at.show_json({"keys": keys, "next_page_token": following})
    elif not keys:
        screen.note("There are no keys. To make one: strongroom key create NAME")
    else:
        screen.show_table(
            ("name", "state", "version", "algorithm", "labels", "created"),
            [
                (
                    key.name,
                    screen.styled(key.state),
                    str(key.current_version),
                    key.algorithm,
                    screen.pairs(key.labels),
                    screen.moment(key.created),
                )
                for key in keys
            ],
        )
        more(following)


@command(app, "show")
def show(at: Session, name: KeyName) -> None:
    """Show a key and its newest versions."""
    from strongroom.client import calls

    _show(at, at.ask(calls.read_key(name)))


@command(app, "update")
def update(
    at: Session,
    name: KeyName,
    label: arguments.Labels = None,
    no_labels: Annotated[bool, typer.Option("--no-labels", help="Take all labels off.")] = False,
    description: arguments.Description = None,
) -> None:
    """Change labels and description. The labels given replace all labels there were."""
    from strongroom.client import calls

    arguments.only_one({"--label": bool(label), "--no-labels": no_labels})
    arguments.at_least_one(label, no_labels, description is not None)
    labels = arguments.pairs(label, "--label") if label or no_labels else None
    _show(at, at.ask(calls.update_key(name, labels=labels, description=description)))


@command(app, "rotate")
def rotate(at: Session, name: KeyName) -> None:
    """Make a new version, which encrypts from now on. Old ones go on decrypting."""
    from strongroom.client import calls

    _show(at, at.ask(calls.rotate_key(name)))


@command(app, "enable")
def enable(at: Session, name: KeyName) -> None:
    """Let a disabled key be used again."""
    from strongroom.client import calls

    _show(at, at.ask(calls.enable_key(name)))


@command(app, "disable")
def disable(at: Session, name: KeyName) -> None:
    """Stop every use of a key, at once and everywhere."""
    from strongroom.client import calls

    _show(at, at.ask(calls.disable_key(name)))


class PublicFormat(StrEnum):
    """How a public key is written."""

    PEM = "pem"
    DER = "der"
    JWK = "jwk"


@command(app, "public-key")
def public_key(
    at: Session,
    name: KeyName,
    form: Annotated[
        PublicFormat,
        typer.Option(
            "--format",
            metavar="pem|der|jwk",
            help="PEM and DER: SubjectPublicKeyInfo. JWK: for JOSE.",
        ),
    ] = PublicFormat.PEM,
    key_version: arguments.KeyVersion = None,
    out: arguments.Out = None,
    force: arguments.Force = False,
) -> None:
    """Print the public half of a key. It is no secret, and stays readable whatever the state."""
    from strongroom.client import uses

    at.needs("key.read-public-key", name)
    is_der = form is PublicFormat.DER
    part = delivery.Part(
        field=form.value,
        name="the public key",
        target=out,
        form=blobs.raw if is_der else blobs.text,
    )
    delivery.check(at, [part], force=force)
    answer = at.ask(uses.read_public_key(name, key_version=key_version))
    if at.json and part.file is None:
        at.show_json(answer)
        return
    content = _written(answer, form)
    if part.file is None:
        files.write_bytes(content)
        return
    files.write(part.file, content, mode=0o666, force=force)
    screen.done(f"The public key of version {answer.key_version} of {name} is in {part.file}.")


def _written(public: "uses.PublicKey", form: PublicFormat) -> bytes:
    """The key in this form. Raises `CommandError` for a JWK where there is none."""
    import json

    from msgspec import UNSET

    match form:
        case PublicFormat.PEM:
            # What the server sends may go to a terminal.
            return screen.neutral(public.pem, lines=True).encode()
        case PublicFormat.DER:
            return public.der
    if public.jwk is UNSET:
        raise CommandError(
            Failure(
                Exit.REFUSED,
                f"The standards have no JWK for keys of {public.algorithm}.",
                "--format pem and --format der are there for every key.",
            )
        )
    return json.dumps(public.jwk).encode() + b"\n"


def _show(at: Session, key: "asks.KeyView") -> None:
    from msgspec import UNSET

    if at.json:
        at.show_json(key)
        return
    screen.show_facts(
        (
            ("name", key.name),
            ("state", screen.styled(key.state)),
            ("version", str(key.current_version)),
            ("algorithm", key.algorithm),
            ("purpose", key.purpose),
            ("protection", f"{key.protection}, {key.origin}"),
            ("labels", screen.pairs(key.labels)),
            ("description", key.description),
            ("created", screen.moment(key.created)),
            ("id", key.id),
        )
    )
    if key.versions is not UNSET and len(key.versions) > 1:
        screen.show_lines("")
        screen.show_table(
            ("version", "state", "created"),
            [
                (str(each.version), screen.styled(each.state), screen.moment(each.created))
                for each in key.versions
            ],
        )
