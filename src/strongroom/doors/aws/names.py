"""How AWS names keys, and how we do: ids as UUIDs, ARNs, aliases.

1234abcd-12ab-34cd-56ef-1234567890ab               a key's id: our 16 bytes, spelt as a UUID
mrk-1234abcd12ab34cd56ef1234567890ab               the id that related keys share
arn:aws:kms:REGION:ACCOUNT:key/ID                  its ARN
alias/NAME, arn:aws:kms:REGION:ACCOUNT:alias/NAME  an alias
"""

import base64
import hashlib
import re
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, transfers
from strongroom.domain.multi_region import is_shared, spelt
from strongroom.domain.words import ALIAS_PREFIX, ID_PREFIX, is_name
from strongroom.doors.aws.errors import AWSError, not_found

_MULTI_REGION: Final = re.compile(r"mrk-([0-9a-f]{32})")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ARN: Final = re.compile(r"arn:aws:kms:([a-z0-9-]*):([0-9]*):(key|alias)/(.+)")
_ALIAS: Final = "alias/"
_MADE: Final = "aws."
# Spelling a name costs as much as checking a signature, and a client's requests are of a few keys.
_REMEMBERED: Final = 1_024
_CHARACTERS_MAX: Final = 256  # of a name that is remembered


class Place(msgspec.Struct, frozen=True):
    """Where a caller is: what AWS calls the account and the Region."""

    account: str
    region: str

    def key(self, key_id: bytes) -> str:
        """A key's ARN."""
        return _key_arn(self.region, self.account, key_id)

    def alias(self, name: str) -> str:
        """An alias's ARN. `name` begins with `alias/`."""
        return f"arn:aws:kms:{self.region}:{self.account}:{name}"


@lru_cache(_REMEMBERED)
def _key_arn(region: str, account: str, key_id: bytes) -> str:
    return f"arn:aws:kms:{region}:{account}:key/{uuid(key_id)}"


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
    return spelt(key_id)


def target(name: str, place: Place) -> str:
    """What is called so, as a custodian is asked for it. Raises `AWSError`."""
    find = _target if len(name) <= _CHARACTERS_MAX else _target.__wrapped__
    return find(name, place.region, place.account)


@lru_cache(_REMEMBERED)
def _target(name: str, here: str, own: str) -> str:
    if name.startswith("arn:"):
        arn = _ARN.fullmatch(name)
        if arn is None:
            raise AWSError("InvalidArnException", f"Invalid arn {name[:256]}")
        region, account, kind, rest = arn.groups()
        if region != here:
            raise not_found(f"Invalid arn {region}")
        if account != own:
            raise not_found(f"Key '{name[:256]}' does not exist")
        if kind == "key" and rest.startswith(_ALIAS):
            raise not_found(f"Invalid keyId '{rest[:256]}'")  # an alias is called otherwise
        name = rest if kind == "key" else _ALIAS + rest
    if name.startswith(_ALIAS):
        return ALIAS_PREFIX + alias_here(name)
    shared = _MULTI_REGION.fullmatch(name)
    if not (shared or _UUID.fullmatch(name)):
        raise not_found(f"Invalid keyId '{name[:256]}'")
    key_id = shared[1] if shared else name.replace("-", "")
    if is_shared(bytes.fromhex(key_id)) is not bool(shared):
        raise unknown(name, Place(own, here))  # each kind has its own spelling
    return ID_PREFIX + key_id


def id_of(view: asks.KeyView) -> bytes:
    """A key's id to AWS: of related keys, the one that they share."""
    return bytes.fromhex(view.id if view.multi_region is UNSET else view.multi_region)


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
