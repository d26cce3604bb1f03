"""`strongroom otp enrol`, `link` and `rotate`: a secret is made, and handed over."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strongroom.cli import arguments, files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import Failure
from strongroom.cli.otp_view import CredentialId, OTPProfile, show_credential
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.client.call import Call
    from strongroom.domain.otp.asks import Enrolled, Provisioned

Account = Annotated[
    str, typer.Option("--account", metavar="TEXT", help="What the user's app shows: whose it is.")
]
Issuer = Annotated[
    str, typer.Option("--issuer", metavar="TEXT", help="What the user's app shows: of whom.")
]
QR = Annotated[
    bool,
    typer.Option("--qr", help="Open the link here and now, and show the QR code in this terminal."),
]
SealedTo = Annotated[
    str,
    typer.Option(
        "--sealed-to",
        metavar="FILE",
        help="No link: the secret sealed (HPKE) to this X25519 public key, DER or PEM.",
    ),
]
Later = Annotated[bool, typer.Option("--later", help="Hand nothing over now: `otp link` does it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, "enrol")
    def enrol(
        at: Session,
        user: Annotated[
            str,
            typer.Argument(
                metavar="USER", help="Your reference for the user. Only a pseudonym is kept."
            ),
        ],
        otp_profile: OTPProfile = "default",
        kind: Annotated[
            str | None, typer.Option("--type", metavar="WORD", help="totp, hotp or ocra.")
        ] = None,
        algorithm: Annotated[
            str | None,
            typer.Option("--algorithm", metavar="NAME", help="SHA1, SHA256 or SHA512."),
        ] = None,
        digits: Annotated[
            int | None, typer.Option("--digits", metavar="N", min=6, max=8, help="Of a code.")
        ] = None,
        period: Annotated[
            int | None,
            typer.Option("--period", metavar="SECONDS", min=15, max=300, help="Of a time step."),
        ] = None,
        suite: Annotated[
            str | None,
            typer.Option("--suite", metavar="TEXT", help="Of OCRA: OCRA-1:HOTP-SHA256-8:QN08."),
        ] = None,
        serial: Annotated[
            str, typer.Option("--serial", metavar="TEXT", help="A device's serial number.")
        ] = "",
        account: Account = "",
        issuer: Issuer = "",
        qr: QR = False,
        sealed_to: SealedTo = "",
        later: Later = False,
    ) -> None:
        """Make a credential for a user, and a link that shows its secret once.

        What is not given is as the OTP profile says; what is weaker is refused. The credential is
        active once `otp activate` has seen the first right code.
        """
        from strongroom.client import otp

        at.needs("otp.enrol")
        call = otp.enrol(
            user, profile=otp_profile, type=kind, algorithm=algorithm, digits=digits,
            period=period, suite=suite, serial=serial,
            **_handed(account, issuer, qr=qr, sealed_to=sealed_to, later=later),
        )  # fmt: skip
        _hand_over(at, call, qr=qr)

    @command(app, "link")
    def link(
        at: Session,
        credential: CredentialId,
        account: Account = "",
        issuer: Issuer = "",
        qr: QR = False,
        sealed_to: SealedTo = "",
    ) -> None:
        """Make another link for a credential's newest secret. The one of before opens nothing more.

        If the secret was shown before, a new one takes its place.
        """
        from strongroom.client import otp

        at.needs("otp.link", credential)
        handed = _handed(account, issuer, qr=qr, sealed_to=sealed_to, later=False)
        _hand_over(at, otp.link(credential, **handed), qr=qr)

    @command(app, "rotate")
    def rotate(
        at: Session,
        credential: CredentialId,
        account: Account = "",
        issuer: Issuer = "",
        qr: QR = False,
        sealed_to: SealedTo = "",
        later: Later = False,
    ) -> None:
        """Make a new secret for a credential. The old one works until the new one does.

        Or until its time of grace ends, whichever comes first; then it is erased.
        """
        from strongroom.client import otp

        at.needs("otp.rotate", credential)
        handed = _handed(account, issuer, qr=qr, sealed_to=sealed_to, later=later)
        _hand_over(at, otp.rotate(credential, **handed), qr=qr)


def _handed(account: str, issuer: str, *, qr: bool, sealed_to: str, later: bool) -> dict[str, Any]:
    arguments.only_one({"--qr": qr, "--sealed-to": bool(sealed_to), "--later": later})
    handed: dict[str, Any] = {"account": account, "issuer": issuer}
    if later:
        handed["delivery"] = "later"
    if sealed_to:
        handed |= {"delivery": "sealed", "device_key": public_key(sealed_to)}
    return handed


def public_key(path: str) -> bytes:
    """The public key in a file, DER or PEM, as SubjectPublicKeyInfo in DER."""
    import base64
    import binascii

    too_long = Failure(Exit.USAGE, f"{path} is too long for a public key.")
    raw = files.read(path, limits.KEY_BLOB_BYTES_MAX, too_long)
    if not raw.startswith(b"-----BEGIN PUBLIC KEY-----"):
        return raw
    inside = b"".join(line for line in raw.splitlines() if not line.startswith(b"-----"))
    try:
        return base64.b64decode(inside, validate=True)
    except (binascii.Error, ValueError):
        return inside  # the server says what is wrong with it


def _hand_over(at: Session, call: "Call[Enrolled]", *, qr: bool) -> None:
    made = at.ask(call)
    opened = None
    if qr and made.link is not None:
        from strongroom.client import otp

        opened = at.ask(otp.fetch(made.link.token))
    if at.json:
        at.show_json(made if opened is None else {"enrolled": made, "secret": opened})
        return
    show_credential(at, made.credential)
    if opened is not None:
        _show_secret(opened)
        return
    if made.link is not None:
        screen.show_facts(
            (
                ("link", at.place.url.rstrip("/") + made.link.path),
                ("opens until", screen.moment(made.link.expires)),
            )
        )
        screen.note("The link opens once. Whoever opens it has the secret.")
    if made.sealed is not None:
        import base64

        screen.show_facts((("sealed", base64.b64encode(made.sealed.sealed).decode()),))


def _show_secret(opened: "Provisioned") -> None:
    if opened.uri:
        import segno

        segno.make_qr(opened.uri, error="m").terminal(out=sys.stdout, compact=True)
    screen.show_facts((("account", opened.account), ("issuer", opened.issuer), ("key", opened.key)))
    screen.note("This is shown once. Then: strongroom otp activate " + opened.id)
