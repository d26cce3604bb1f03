"""The command line of `strongroom-witness`: `init`, and `serve`.

Exit codes: 0 done, 1 it cannot be done (one sentence on standard error), 2 wrong arguments.
"""

import argparse
import socket
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvicorn

from strongroom import __version__
from strongroom.witness import alarms, keyfile, settings
from strongroom.witness.app import application
from strongroom.witness.memory import Memory, begin
from strongroom.witness.refusals import CannotServe
from strongroom.witness.service import Witness

_CONNECTIONS_MAX: Final = 256
_KEEP_ALIVE_SECONDS: Final = 75
_DRAIN_SECONDS: Final = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        asked.run(asked)
    except CannotServe as error:
        print(f"strongroom-witness: {error}.", file=sys.stderr)  # noqa: T201 - it is a program
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _init(asked: argparse.Namespace) -> None:
    directory: Path = asked.directory
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise CannotServe(f"{directory} is not empty; a witness begins in a folder of its own")
        # First, for the name may not be one.
        signers = keyfile.make(directory / "witness.key", asked.name)
        begin(directory / "state")
        (directory / "witness.toml").write_text(settings.SAMPLE)
    except OSError as error:
        raise CannotServe(f"{directory} cannot be used: {error.strerror}") from error
    for signer in signers:
        print(signer.vkey)  # noqa: T201 - for whoever is to trust it


def _serve(asked: argparse.Namespace) -> None:
    chosen = settings.load(asked.config)
    signers = keyfile.load(Path(chosen.key))
    logs = chosen.verifiers()
    memory = Memory(Path(chosen.state))
    alarms.begin()
    try:
        witness = Witness(signers, logs, memory)
        listening = _listen(chosen)
        with listening:
            config = uvicorn.Config(
                application(witness, signers, logs),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_CONNECTIONS_MAX,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
                ssl_certfile=chosen.tls_certificate or None,
                ssl_keyfile=chosen.tls_key or None,
            )
            try:
                config.load()
            except (OSError, ssl.SSLError) as error:
                raise CannotServe(f"the certificate or its key cannot be used: {error}") from error
            host, port = listening.getsockname()[:2]
            alarms.info("the witness listens", host=host, port=port, logs=len(logs))
            uvicorn.Server(config).run(sockets=[listening])
    finally:
        memory.close()


def _listen(chosen: settings.Settings) -> socket.socket:
    host, port = chosen.address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_CONNECTIONS_MAX)
    except OSError as error:
        listening.close()
        raise CannotServe(f"cannot listen on {chosen.listen}: {error.strerror}") from error
    return listening


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "strongroom-witness",
        description="A witness of transparency logs (C2SP tlog-witness).",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    init = commands.add_parser(
        "init", help="make keys, state and settings; print the public keys", allow_abbrev=False
    )
    init.add_argument("directory", type=Path, metavar="DIR")
    init.add_argument("--name", required=True, help="such as witness.example/w1, for ever")
    init.set_defaults(run=_init)
    serve = commands.add_parser("serve", help="answer logs", allow_abbrev=False)
    serve.add_argument("--config", type=Path, required=True, metavar="FILE")
    serve.set_defaults(run=_serve)
    return parser
