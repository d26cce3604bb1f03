"""What custodians say in our words, in AWS's; what is not in the table is said in general words.

Who comes by this door has never heard of versions, contexts and labels: to them these are key
material, an EncryptionContext and tags, and a field of ours is none that they can fill in.
"""

import re
from typing import Final

from strongroom.domain.calls import Reply
from strongroom.domain.errors import (
    AlreadyExists,
    ChangedMeanwhile,
    InvalidRequest,
    KeyNotUsable,
    RateLimited,
    Restored,
    TamperedRecord,
    TooLarge,
    Unavailable,
)
from strongroom.domain.iam import specs

# `name` and `usage` are words of ours that AWS has others for; `text` is the same for both.
_SENTENCES: Final = {
    # Of a use.
    r"(?P<name>\S+) is not on the approved profile, .+":
        "{name} is not among the approved algorithms, to which this account keeps.",
    r"(?P<name>\S+) is legacy; only .+": "{name} is a legacy algorithm, which is not served here.",
    r"the key needs these names in the context: (?P<text>.+)":
        "{arn} needs these keys in the EncryptionContext: {text}.",
    r"a context has at most (?P<text>\d+ (?:pairs|bytes in keys and values))":
        "An encryption context has at most {text}.",
    r"a context is text in Unicode .+":
        "An encryption context must be Unicode, without lone surrogates.",
    r"two keys whose uses are bounded .+":
        "The uses of both keys are limited: one request cannot use both.",
    r"this is no public key of (?P<name>\S+), as SubjectPublicKeyInfo":
        "PublicKey must be a public key of the key spec {name}, as SubjectPublicKeyInfo in DER.",
    r"the key is not for \S+: .+": "{arn} is not for {operation}.",
    r"the key is not used (?P<text>(?:before|after) \S+)": "{arn} is not to be used {text}.",
    r"the key has been used as often as it may": "{arn} has been used as often as it may be.",
    r"version \d+ has encrypted (?P<text>[\d,]+) messages, .+":
        "{arn} has encrypted {text} messages with its key material: rotate the key.",
    r"version \d+ of the key is retired: .+":
        "{arn} had this key material before, and it is not used any more.",
    r"version \d+ of the key waits for the key to be rotated":
        "{arn} has this key material pending rotation.",
    # Of its life.
    r"in this namespace, at least (?P<text>\d+) days must pass":
        "PendingWindowInDays must be at least {text} in this account.",
    r"the key's deletion protection is on; .+": "{arn} is protected from deletion.",
    r"the replica's state does not allow this: .+": "The replica key must be enabled first.",
    r"the replica lacks some of its material: .+":
        "The replica key lacks key material: import it first.",
    r"the key's next material is not in that Region yet: .+":
        "The replica key lacks the key material that is pending rotation: import it first.",
    r"version \d+ of the key was given up, and its material is still in that Region: .+":
        "The replica key still has key material that the primary key has no more. Try again later.",
    r"the key has too many versions; .+": "{arn} has too much key material to be replicated.",
    # Of imports.
    r"this is other material than was imported first":
        "The key material is not the one that was imported before.",
    r"the key has had no material yet": "No such key material was imported before.",
    r"this is the material of no version of the key":
        "No such key material was imported before; for new one, say NEW_KEY_MATERIAL.",
    r"this is the material of version \d+; .+":
        "This key material was imported before; to import it again, say EXISTING_KEY_MATERIAL.",
    r"version \d+ of the key was never used, and its material is gone; .+":
        "This key material was deleted before it was used; import it as NEW_KEY_MATERIAL.",
    r"version \d+ of the key waits to become the current one; .+":
        "{arn} has other key material that is pending rotation.",
    r"this time has passed; give one to come": "ValidTo must be in the future.",
    r"a key of (?P<name>\S+) has (?P<text>\d+) bytes":
        "Key material of the key spec {name} has {text} bytes.",
    r"this key is one byte repeated; .+":
        "The key material is one byte, repeated; it must be random.",
    r"this is no sound private key of (?P<name>\S+), as PKCS#8":
        "The key material must be a sound private key of the key spec {name}, as PKCS #8 in DER.",
    r"the primes of this RSA key lie too close together .+":
        "The primes of the RSA key lie too close together (FIPS 186-5).",
    r"an RSA key's public exponent is odd, .+":
        "The public exponent of an RSA key must be odd, and from 65537 to 2^256 (FIPS 186-5).",
    # Of grants.
    r"(?P<text>\S+) does not go with a key of (?P<name>\S+) for (?P<usage>\S+)":
        "{text} does not go with a key of the KeySpec {name} and the KeyUsage {usage}.",
    r"only keys of \S+ have a context":
        "Constraints go with symmetric encryption keys (SYMMETRIC_DEFAULT) only.",
    r"there is no such principal": "There is no such principal.",
    r"a principal has at most (?P<text>\d+) grants for one key":
        "A principal has at most {text} grants for one key.",
}  # fmt: skip
_TABLE: Final = tuple((re.compile(ours), theirs) for ours, theirs in _SENTENCES.items())
_GENERAL: Final = {
    InvalidRequest.code: "The request is not valid.",
    TooLarge.code: "The request is larger than the limit.",
    AlreadyExists.code: "There is one of that name already.",
    ChangedMeanwhile.code: "Somebody else changed this at the same time. Look at it again.",
    KeyNotUsable.code: "{arn} is not in a state that allows this.",
    RateLimited.code: "The key is used as often as its rate limit allows. Try again later.",
    TamperedRecord.code: "What is stored is not as it was written. Nothing was done with it.",
    Restored.code: "Strongroom was restored, and does nothing until an operator says so.",
    Unavailable.code: "Strongroom cannot answer now. Try again.",
}
_NAMES: Final[dict[str, str]] = {
    **{scheme: name for name, scheme in specs.SCHEMES.items()},
    **{spec.algorithm: name for name, spec in specs.SPECS.items()},
}
_USAGES: Final = {str(purpose): usage for purpose, usage in specs.USAGES.items()}
_UNNAMED: Final = "The algorithm"


def said(reply: Reply, arn: str, operation: str) -> str:
    """A refusal in a sentence for AWS's clients: of the key of that ARN, by that operation."""
    sentence, told = _GENERAL.get(reply.code, ""), dict[str, str]()
    for ours, theirs in _TABLE:
        found = ours.fullmatch(reply.detail)
        if found is not None:
            sentence, told = theirs, found.groupdict()
            break
    return sentence.format(
        arn=arn,
        operation=operation,
        text=told.get("text", ""),
        name=_NAMES.get(told.get("name", ""), _UNNAMED),
        usage=_USAGES.get(told.get("usage", ""), ""),
    )
