"""`strongroom audit receipt`, `key`, `checkpoint` and `tile`: what proves the log to others."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import arguments, files, screen
from strongroom.cli.command import command
from strongroom.cli.failures import usage
from strongroom.cli.session import Session

if TYPE_CHECKING:
    from strongroom.tlog.checkpoints import Checkpoint
    from strongroom.tlog.receipts import Receipt
    from strongroom.tlog.tiles import Tile

_MODE = 0o644  # nothing here is secret to who was allowed to read it; what is, has its own mode
_PRIVATE_MODE = 0o600

Out = Annotated[str | None, typer.Option("--out", metavar="FILE", help="Write it to this file.")]


def register(app: typer.Typer) -> None:
    """Add them to the app."""
    command(app, "receipt")(receipt)
    command(app, "key")(key)
    command(app, "checkpoint")(checkpoint)
    command(app, "tile")(tile)


def receipt(
    at: Session,
    request: Annotated[
        str, typer.Argument(metavar="REQUEST-ID", help="The request's id, as answers carry it.")
    ],
    out: Out = None,
    force: arguments.Force = False,
) -> None:
    """Take the receipt of a request: the proof that it is in the log, with its entry.

    Everybody may take those of their own requests, refused ones too. It is checked that the
    receipt is of this request and that its proof holds. Whether the log has signed it,
    `strongroom-verify receipt` says, which needs the log's public keys and no server.
    """
    from strongroom.client import evidence, proofs

    at.needs("receipt.read", request)
    files.check_free(out, force=force)
    raw = at.ask(evidence.read_receipt(request)).content
    found = proofs.checked(raw, request)
    if at.json:
        screen.show_json(_described(found))
    if out is not None:
        # The entry is in it: who did what, and from where.
        files.write(out, raw, mode=_PRIVATE_MODE, force=force)
        screen.done(f"Entry {found.index} is in the log {found.tree.origin}.")
        screen.note(f"The receipt is in {out}; to verify it: strongroom-verify receipt {out}")
    elif not at.json:
        _show(raw)


def key(at: Session, out: Out = None, force: arguments.Force = False) -> None:
    """Print the log's public keys, one a line, as `strongroom-verify --key` takes them.

    A server cannot vouch for itself: compare them once with what its operator says elsewhere,
    and keep them.
    """
    from strongroom.client import evidence

    at.needs("audit.read-keys")
    files.check_free(out, force=force)
    answer = at.ask(evidence.read_log_keys())
    if at.json:
        at.show_json(answer)
    text = "".join(f"{each}\n" for each in answer.keys)
    if out is not None:
        files.write(out, text.encode(), mode=_MODE, force=force)
        screen.done(f"The keys of the log {answer.origin} are in {out}.")
    elif not at.json:
        screen.show_lines(text)
    for former in answer.former:
        screen.note(
            f"Until a restore, the log had {former.size} entries and other keys; --output json"
            " shows them."
        )


def checkpoint(at: Session, out: Out = None, force: arguments.Force = False) -> None:
    """Print the log's newest signed checkpoint.

    Who keeps one can prove later that the log went on from there, and nothing before it was
    changed: `strongroom-verify server --from FILE`.
    """
    from strongroom.client import evidence, proofs
    from strongroom.tlog import checkpoints
    from strongroom.tlog.errors import TlogError

    at.needs("audit.read-checkpoint")
    files.check_free(out, force=force)
    raw = at.ask(evidence.read_checkpoint()).content
    try:
        found = checkpoints.stated(raw)
    except TlogError as error:
        raise proofs.unexpected(str(error)) from error
    if at.json:
        screen.show_json(_stated(found))
    if out is not None:
        files.write(out, raw, mode=_MODE, force=force)
        screen.done(f"The checkpoint of {found.size} entries of {found.origin} is in {out}.")
    elif not at.json:
        _show(raw)


def tile(
    at: Session,
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="As in C2SP tlog-tiles: 0/x001/234, entries/000."),
    ],
    out: Out = None,
    force: arguments.Force = False,
) -> None:
    """Read a tile of the log as it is: hashes of its tree, or entries. It is binary.

    Entries of all namespaces are for auditors of the first one. `export --folder` reads all.
    """
    from strongroom.client import evidence

    call = evidence.read_tile(_tile(path))
    at.needs(call.operation)
    files.check_free(out, force=force)
    if out is None and not at.only_shows and sys.stdout.isatty():
        raise usage("A tile is binary: redirect it, or write it to a file with --out.")
    raw = at.ask(call).content
    if out is None:
        files.write_bytes(raw)
    else:
        files.write(out, raw, mode=_PRIVATE_MODE, force=force)
        screen.done(f"The tile is in {out}.")


def _tile(path: str) -> "Tile":
    from strongroom.tlog import tiles
    from strongroom.tlog.errors import TileError

    try:
        return tiles.parse_path(path if path.startswith("tile/") else f"tile/{path}")
    except TileError:
        raise usage("That is no path of a tile, such as 0/x001/234 or entries/000.p/17.") from None


def _described(receipt: "Receipt") -> dict[str, object]:
    import json

    return {
        "index": receipt.index,
        "entry": json.loads(receipt.extra or b"{}"),
        "proof": [each.hex() for each in receipt.hashes],
        "checkpoint": _stated(receipt.tree),
    }


def _stated(checkpoint: "Checkpoint") -> dict[str, object]:
    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
    }


def _show(raw: bytes) -> None:
    """As it is for a program; for eyes, without what could command a terminal."""
    if sys.stdout.isatty():
        screen.show_lines(raw.decode(errors="replace"))
    else:
        files.write_bytes(raw)
