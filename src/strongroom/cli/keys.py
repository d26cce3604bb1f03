"""`strongroom key ...`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import (
    arguments,
    backups,
    blobs,
    bounds,
    delivery,
    files,
    key_view,
    life,
    replicas,
    screen,
    transfers,
)
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure
from strongroom.cli.paging import collected, more
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain import uses

app = typer.Typer(no_args_is_help=True, help="Make, look at, rotate, stop, move and end keys.")


@command(app, "create")
def create(
    at: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's name.")],
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
    origin: Annotated[
        str | None,
        typer.Option(
            "--origin",
            metavar="NAME",
            help="`imported`: without material, until `key import` brings it.",
        ),
    ] = None,
    exportable: Annotated[
        bool,
        typer.Option(
            "--exportable",
            help="Let `key export` take its material out. That cannot be changed later.",
        ),
    ] = False,
    label: arguments.Labels = None,
    description: arguments.Description = None,
    activates: bounds.Activates = None,
    deactivates: bounds.Deactivates = None,
    rotation_days: bounds.RotationDays = None,
    rotation_uses: bounds.RotationUses = None,
    deletion_protection: Annotated[
        bool,
        typer.Option(
            "--deletion-protection",
            help="Refuse to destroy it until this is taken off.",
        ),
    ] = False,
    allow_operation: bounds.Operations = None,
    not_before: bounds.NotBefore = None,
    not_after: bounds.NotAfter = None,
    uses_max: bounds.UsesMax = None,
    rate: bounds.Rate = None,
    require_context: bounds.RequiredContext = None,
    multi_region: Annotated[
        bool,
        typer.Option(
            "--multi-region",
            help="Let `key replicate` take it to other Regions. That cannot be changed later.",
        ),
    ] = False,
) -> None:
    """Make a key with its first version."""
    from strongroom.client import keys

    call = keys.create_key(
        name,
        algorithm=algorithm,
        purpose=purpose,
        origin=origin,
        labels=arguments.pairs(label, "--label"),
        description=description or "",
        activates=arguments.moment(activates, "--activates") or "",
        deactivates=arguments.moment(deactivates, "--deactivates") or "",
        rotation_days=rotation_days,
        rotation_uses=rotation_uses,
        exportable=exportable,
        deletion_protection=deletion_protection,
        control=bounds.control(
            operations=allow_operation,
            not_before=not_before,
            not_after=not_after,
            uses_max=uses_max,
            rate=rate,
            required_context=require_context,
        ),
        multi_region=multi_region,
    )
    answer = at.ask(call)
    key_view.show(at, answer)
    if answer.origin == "imported" and not at.json:
        screen.note(f"It waits for its material: strongroom key import {name} --from FILE")


@command(app, "list")
def list_(
    at: Session,
    state: Annotated[
        str, typer.Option("--state", metavar="NAME", help="Only in this state, such as active.")
    ] = "",
    algorithm: Annotated[
        str, typer.Option("--algorithm", metavar="NAME", help="Only of this algorithm.")
    ] = "",
    purpose: Annotated[
        str, typer.Option("--purpose", metavar="NAME", help="Only those that are for this.")
    ] = "",
    label: Annotated[
        str,
        typer.Option(
            "--label", metavar="NAME[=VALUE]", help="Only with this label, or this value of it."
        ),
    ] = "",
    search: Annotated[
        str,
        typer.Option("--search", metavar="TEXT", help="Only with this in name or description."),
    ] = "",
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List the keys of the namespace, by name. All conditions hold together."""
    from functools import partial

    from strongroom.client import keys

    listing = partial(
        keys.list_keys,
        state=state,
        algorithm=algorithm,
        purpose=purpose,
        label=label,
        search=search,
    )
    found, following = collected(
        at,
        listing,
        lambda page: page.keys,
        limit,
        page_token,
        all_pages=all_pages,
    )
    if at.json:
        at.show_json({"keys": found, "next_page_token": following})
        return
    if found:
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
                for key in found
            ],
        )
    elif following:
        screen.note("None of the keys that were looked at so far is such a key.")
    elif any((state, algorithm, purpose, label, search)):
        screen.note("There is no such key.")
    else:
        screen.note("There are no keys. To make one: strongroom key create NAME")
    more(following)


@command(app, "show")
def show(at: Session, name: arguments.KeyName) -> None:
    """Show a key and its newest versions."""
    from strongroom.client import keys

    key_view.show(at, at.ask(keys.read_key(name)))


@command(app, "update")
def update(
    at: Session,
    name: arguments.KeyName,
    label: arguments.Labels = None,
    no_labels: Annotated[bool, typer.Option("--no-labels", help="Take all labels off.")] = False,
    description: arguments.Description = None,
    min_version: Annotated[
        int | None,
        typer.Option(
            "--min-version",
            metavar="N",
            min=1,
            help="Versions before this are used no more: nor is what they encrypted read.",
        ),
    ] = None,
    activates: bounds.Activates = None,
    deactivates: bounds.Deactivates = None,
    rotation_days: bounds.RotationDays = None,
    rotation_uses: bounds.RotationUses = None,
    deletion_protection: Annotated[
        bool | None,
        typer.Option(
            "--deletion-protection/--no-deletion-protection",
            help="Whether to refuse to destroy it.",
        ),
    ] = None,
    allow_operation: bounds.Operations = None,
    not_before: bounds.NotBefore = None,
    not_after: bounds.NotAfter = None,
    uses_max: bounds.UsesMax = None,
    rate: bounds.Rate = None,
    require_context: bounds.RequiredContext = None,
    no_bounds: Annotated[
        bool, typer.Option("--no-bounds", help="Take all bounds on its use off.")
    ] = False,
    primary_region: Annotated[
        str | None,
        typer.Option(
            "--primary-region",
            metavar="REGION",
            help="Alone: make the replica there the primary of this multi-Region key.",
        ),
    ] = None,
) -> None:
    """Change a key's labels, dates, rotation and bounds. What is not given stays.

    But the labels given replace all labels there were, and the bounds on its use that are given
    replace all of those there were.
    """
    from strongroom.client import keys
    from strongroom.domain import asks

    arguments.only_one({"--label": bool(label), "--no-labels": no_labels})
    control = bounds.control(
        operations=allow_operation,
        not_before=not_before,
        not_after=not_after,
        uses_max=uses_max,
        rate=rate,
        required_context=require_context,
    )
    arguments.only_one({"Bounds": control is not None, "--no-bounds": no_bounds})
    given = (
        description,
        min_version,
        activates,
        deactivates,
        rotation_days,
        rotation_uses,
        primary_region,
    )
    arguments.at_least_one(
        label,
        no_labels,
        control,
        no_bounds,
        deletion_protection is not None,
        *(value is not None for value in given),
    )
    call = keys.update_key(
        name,
        labels=arguments.pairs(label, "--label") if label or no_labels else None,
        description=description,
        activates=arguments.moment(activates, "--activates"),
        deactivates=arguments.moment(deactivates, "--deactivates"),
        rotation_days=rotation_days,
        rotation_uses=rotation_uses,
        min_version=min_version,
        deletion_protection=deletion_protection,
        control=asks.UseControl() if no_bounds else control,
        primary_region=primary_region,
    )
    key_view.show(at, at.ask(call))


@command(app, "rotate")
def rotate(at: Session, name: arguments.KeyName) -> None:
    """Make a new version, which encrypts from now on. Old ones go on decrypting."""
    from strongroom.client import keys

    key_view.show(at, at.ask(keys.rotate_key(name)))


life.register(app)
transfers.register(app)
backups.register(app)
replicas.register(app)


class PublicFormat(StrEnum):
    """How a public key is written."""

    PEM = "pem"
    DER = "der"
    JWK = "jwk"


@command(app, "public-key")
def public_key(
    at: Session,
    name: arguments.KeyName,
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
