"""How AWS names keys, and how we do: ids as UUIDs, ARNs, aliases.

1234abcd-12ab-34cd-56ef-1234567890ab               a key's id: our 16 bytes, spelt as a UUID
arn:aws:kms:REGION:ACCOUNT:key/ID                  its ARN
alias/NAME, arn:aws:kms:REGION:ACCOUNT:alias/NAME  an alias
"""

import base64
import hashlib
import re
from typing import Final

import msgspec

from strongroom.domain import transfers
from strongroom.domain.words import ALIAS_PREFIX, ID_PREFIX, is_name
from strongroom.doors.aws.errors import AWSError, not_found

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ARN: Final = re.compile(r"arn:aws:kms:([a-z0-9-]*):([0-9]*):(key|alias)/(.+)")
_ALIAS: Final = "alias/"
_MADE: Final = "aws."


class Place(msgspec.Struct, frozen=True):
    """Where a caller is: what AWS calls the account and the Region."""

    account: str
    region: str

    def key(self, key_id: bytes) -> str:
        """A key's ARN."""
        return f"arn:aws:kms:{self.region}:{self.account}:key/{uuid(key_id)}"

    def alias(self, name: str) -> str:
        """An alias's ARN. `name` begins with `alias/`."""
        return f"arn:aws:kms:{self.region}:{self.account}:{name}"


def alias_here(name: str) -> str:
    """Our alias for `alias/NAME`: the same, if that is one; else made of its digest."""
    alias = name.removeprefix(_ALIAS)
    if is_name(alias) and "." not in alias:
        return alias
    digest = hashlib.sha256(alias.encode()).digest()
    return _MADE + base64.b32encode(digest).decode().rstrip("=").lower()


def alias_of(view: transfers.AliasView) -> str:
    """`alias/NAME` for an alias of ours; empty for one that AWS could not have."""
    if view.spelt:
        return _ALIAS + view.spelt if alias_here(_ALIAS + view.spelt) == view.name else ""
    return "" if "." in view.name else _ALIAS + view.name


def uuid(key_id: bytes) -> str:
    """A key's id as AWS spells it."""
    text = key_id.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def target(name: str, place: Place) -> str:
    """What is called so, as a custodian is asked for it. Raises `AWSError`."""
    if name.startswith("arn:"):
        arn = _ARN.fullmatch(name)
        if arn is None:
            raise AWSError("InvalidArnException", f"Invalid arn {name[:256]}")
        region, account, kind, rest = arn.groups()
        if region != place.region:
            raise not_found(f"Invalid arn {region}")
        if account != place.account:
            raise not_found(f"Key '{name[:256]}' does not exist")
        name = rest if kind == "key" else _ALIAS + rest
    if name.startswith(_ALIAS):
        return ALIAS_PREFIX + alias_here(name)
    if not _UUID.fullmatch(name):
        raise not_found(f"Invalid keyId '{name[:256]}'")
    return ID_PREFIX + name.replace("-", "")


def no_alias(name: str) -> str:
    """The name of a key, where AWS takes no aliases. Raises `AWSError` for one."""
    if name.startswith(_ALIAS) or f":{_ALIAS}" in name:
        raise not_found(f"Invalid keyId {name[:256]}")
    return name


def id_in(target_: str) -> bytes:
    """The id in a target; empty for an alias."""
    return bytes.fromhex(target_[len(ID_PREFIX) :]) if target_.startswith(ID_PREFIX) else b""


def unknown(name: str, place: Place) -> AWSError:
    """There is nothing of that name."""
    said = name
    if name.startswith(_ALIAS):
        said = place.alias(name)
    elif not name.startswith("arn:"):
        said = f"arn:aws:kms:{place.region}:{place.account}:key/{name}"
    if f":{_ALIAS}" in said:
        return not_found(f"Alias {said[:512]} is not found.")
    return not_found(f"Key '{said[:512]}' does not exist")
