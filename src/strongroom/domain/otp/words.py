"""The small types that asks about credentials are made of, each with its bounds."""

from typing import Annotated

from msgspec import Meta

from strongroom.domain import limits

CredentialId = Annotated[
    str, Meta(pattern=r"^otp-[a-z2-7]{26}$(?!\n)", description="a credential's id")
]
# The caller's own word for a person or a device. Kept as a pseudonym only.
User = Annotated[
    str, Meta(min_length=1, max_length=limits.OTP_USER_CHARACTERS_MAX,
              description="your reference for the user; only a pseudonym of it is kept")
]  # fmt: skip
# Whatever is no code is a wrong one: only its length is a matter of form.
Code = Annotated[
    str, Meta(max_length=limits.OTP_CODE_CHARACTERS_MAX, description="what the user typed")
]
Shown = Annotated[
    str,
    Meta(
        max_length=limits.OTP_LABEL_CHARACTERS_MAX,
        # Nor what turns the direction of text round: a name is what it looks like.
        pattern=r"^[^:\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]*$(?!\n)",
        description="text for the user's app, without colons and control characters",
    ),
]
Digits = Annotated[int, Meta(ge=6, le=8)]
Period = Annotated[int, Meta(ge=15, le=300, description="seconds")]
SuiteText = Annotated[str, Meta(max_length=limits.OTP_SUITE_CHARACTERS_MAX)]
Serial = Annotated[
    str,
    Meta(
        max_length=limits.OTP_SERIAL_CHARACTERS_MAX,
        pattern=r"^[ -~]*$(?!\n)",
        description="printable ASCII",
    ),
]
Transaction = Annotated[
    dict[str, str],
    Meta(
        max_length=limits.OTP_TRANSACTION_PAIRS_MAX,
        description="what the answer is to be bound to, such as amount and payee",
    ),
]
LinkToken = Annotated[str, Meta(max_length=limits.OTP_LINK_CHARACTERS_MAX)]
PublicKey = Annotated[
    bytes,
    Meta(max_length=limits.KEY_BLOB_BYTES_MAX, description="base64 of the device's public key"),
]


Session = Annotated[bytes, Meta(max_length=limits.OTP_SESSION_BYTES_MAX)]
PIN = Annotated[bytes, Meta(max_length=64, description="the PIN's hash")]
ChallengeNumber = Annotated[int, Meta(ge=0, le=2**31 - 1)]
