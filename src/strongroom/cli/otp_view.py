"""How credentials are shown, and what they are named by."""

from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import screen
from strongroom.cli.failures import usage
from strongroom.cli.session import Session

if TYPE_CHECKING:
    from strongroom.domain.otp.asks import CredentialView, Filter

CredentialId = Annotated[
    str, typer.Argument(metavar="ID", help="The credential's id: otp- and 26 characters.")
]
OTPProfile = Annotated[
    str,
    typer.Option("--otp-profile", metavar="NAME", help="By which OTP profile."),
]
CreatedBefore = Annotated[
    str | None,
    typer.Option("--created-before", metavar="TIME", help="Those that were made before."),
]
CreatedAfter = Annotated[
    str | None,
    typer.Option("--created-after", metavar="TIME", help="Those that were made since then."),
]


def filter_of(wanted: dict[str, str]) -> "Filter":
    """What was given, as the filter of an export or a job. Empty: not asked for."""
    import msgspec

    from strongroom.domain.otp.asks import Filter

    given = {name: value for name, value in wanted.items() if value}
    try:
        return msgspec.convert(given, Filter)
    except msgspec.ValidationError as error:
        raise usage(f"This is no filter: {error}.") from None


def show_credential(at: Session, credential: "CredentialView") -> None:
    """A credential, for whoever asked."""
    if at.json:
        at.show_json(credential)
        return
    codes = f"{credential.type}, {credential.algorithm}, {credential.digits} digits"
    if credential.period:
        codes += f", {credential.period} seconds"
    screen.show_facts(
        (
            ("credential", credential.id),
            ("state", screen.styled(credential.state)),
            ("codes", codes),
            ("suite", credential.suite),
            ("profile", credential.profile),
            ("user", f"{credential.subject} (a pseudonym)" if credential.subject else ""),
            ("serial", credential.serial),
            ("created", screen.moment(credential.created)),
            ("imported", "yes" if credential.imported else ""),
            ("secret", f"the {credential.generation}." if credential.generation > 1 else ""),
            ("old secret works until", screen.moment(credential.grace_ends)),
            ("rotates", screen.moment(credential.rotates)),
            ("failures", str(credential.failures) if credential.failures else ""),
            ("nothing is weighed until", screen.moment(credential.delayed_until)),
            ("locked", "yes, until somebody unlocks it" if credential.locked else ""),
            ("link opens until", screen.moment(credential.link_expires)),
            ("see to", ", ".join(credential.reminders)),
            ("ended", screen.moment(credential.ended)),
            ("receipt", credential.receipt),
        )
    )
