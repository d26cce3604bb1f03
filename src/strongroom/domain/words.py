"""The small types that requests are made of: names, labels, bytes, each with its bounds.

Both the gate and the custodian decode into these, so a value out of bounds exists on neither side.
"""

import re
from typing import Annotated

from msgspec import Meta

from strongroom.domain import limits

# One canonical spelling: lower case only, so that no two names differ by case (CVE-2025-6004 was
# such a pair). `(?!\n)` because Python's `$` would let a trailing line feed pass.
NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$(?!\n)"

Name = Annotated[
    str,
    Meta(
        pattern=NAME_PATTERN,
        max_length=limits.NAME_CHARACTERS_MAX,
        description="1 to 63 of a-z, 0-9, '.', '_', '-'; a letter or digit at both ends",
    ),
]
# As AWS spells those of its own, and what its clients can put into a request.
REGION_PATTERN = r"^(?:[a-z]+-){2,3}[0-9]+$(?!\n)"
Region = Annotated[
    str,
    Meta(
        pattern=REGION_PATTERN,
        max_length=limits.REGION_CHARACTERS_MAX,
        description="such as eu-central-1",
    ),
]

# A key can be addressed by an alias too, or by its id. The prefix keeps the kinds of names apart.
ALIAS_PREFIX = "alias:"
ID_PREFIX = "id:"
KEY_PATTERN = r"^(?:(?:alias:)?[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?|id:[0-9a-f]{32})$(?!\n)"

_NAME = re.compile(NAME_PATTERN)
_KEY = re.compile(KEY_PATTERN)


def is_name(text: str) -> bool:
    """Whether anything could be called so."""
    return _NAME.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether a key could be addressed so: by its name, by an alias, or by its id."""
    return _KEY.fullmatch(text) is not None


KeyAddress = Annotated[
    str,
    Meta(pattern=KEY_PATTERN, description="a key's name, `alias:NAME`, or `id:` and its id"),
]
NoAlias = Annotated[
    str,
    Meta(pattern=r"^(?!alias:)" + KEY_PATTERN[1:], description="a key's name, or `id:` and its id"),
]
AliasSpelling = Annotated[
    str,
    Meta(
        max_length=limits.ALIAS_CHARACTERS_MAX,
        pattern=r"^[a-zA-Z0-9:/_-]*$(?!\n)",
        description="how clients of AWS KMS call it, where that is no name here",
    ),
]
LabelKey = Annotated[str, Meta(min_length=1, max_length=limits.LABEL_KEY_CHARACTERS_MAX)]
LabelValue = Annotated[str, Meta(max_length=limits.LABEL_CHARACTERS_MAX)]
Labels = Annotated[
    dict[LabelKey, LabelValue],
    Meta(max_length=limits.LABELS_MAX, description="names and values of your choice"),
]
Description = Annotated[str, Meta(max_length=limits.DESCRIPTION_CHARACTERS_MAX)]
Plaintext = Annotated[
    bytes, Meta(max_length=limits.PLAINTEXT_BYTES_MAX, description="base64 of at most 65,536 bytes")
]
Ciphertext = Annotated[
    bytes,
    Meta(max_length=limits.CIPHERTEXT_BYTES_MAX, description="base64 of what encrypt returned"),
]
Message = Annotated[
    bytes, Meta(max_length=limits.MESSAGE_BYTES_MAX, description="base64 of at most 65,536 bytes")
]
Digest = Annotated[
    bytes,
    Meta(
        min_length=28,
        max_length=limits.DIGEST_BYTES_MAX,
        description="base64 of the message's digest",
    ),
]
Signature = Annotated[bytes, Meta(max_length=limits.SIGNATURE_BYTES_MAX, description="base64")]
Tag = Annotated[
    bytes, Meta(max_length=limits.DIGEST_BYTES_MAX, description="base64 of the whole tag")
]
Additional = Annotated[
    bytes,
    Meta(
        max_length=limits.ADDITIONAL_BYTES_MAX,
        description="base64 of what is authenticated beside the text; raw algorithms only",
    ),
]
KeyBlob = Annotated[bytes, Meta(max_length=limits.KEY_BLOB_BYTES_MAX, description="base64")]
SignatureContext = Annotated[
    bytes,
    Meta(
        max_length=limits.SIGNATURE_CONTEXT_BYTES_MAX,
        description="base64 of the context that the signature is bound to (ML-DSA, Ed25519ph)",
    ),
]
VersionNumber = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Context = Annotated[
    dict[str, str],
    Meta(
        max_length=limits.CONTEXT_PAIRS_MAX,
        description="authenticated, not secret; decrypt must be given the same pairs, in any order",
    ),
]
Time = Annotated[
    str,
    Meta(max_length=40, description="RFC 3339 with its zone, such as 2026-01-31T12:00:00Z"),
]
PageLimit = Annotated[int, Meta(ge=1, le=limits.PAGE_ITEMS_MAX)]
PageToken = Annotated[str, Meta(max_length=512, description="`next_page_token` of the page before")]
PolicyText = Annotated[
    str, Meta(max_length=limits.POLICY_CHARACTERS_MAX, description="policies in Cedar")
]
KeyPolicyText = Annotated[
    str,
    Meta(
        max_length=limits.KEY_POLICY_BYTES_MAX,
        description="a key policy in AWS's words (IAM JSON); empty: the default",
    ),
]
RequestId = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)", description="32 hexadecimal digits")
]
