"""Aliases: names for keys, which move from key to key."""

from typing import Any, Final

from strongroom.domain import asks, transfers
from strongroom.domain.errors import AlreadyExists
from strongroom.doors.aws import names
from strongroom.doors.aws.errors import AWSError, validation
from strongroom.doors.aws.metadata import is_known, seconds
from strongroom.doors.aws.pages import Pages
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_LISTED, _LISTED_MAX = 50, 100
_RESERVED: Final = "alias/aws/"


async def create_alias(at: Visitor, given: Given) -> None:
    """CreateAlias."""
    alias = _alias(given)
    view = await at.view(names.no_alias(given["TargetKeyId"]))
    ask = transfers.WriteAlias(key=view.name, new=True)
    reply = await at.reply("alias.write", ask, alias)
    if reply.code == AlreadyExists.code:
        said = f"An alias with the name {at.place.alias(given['AliasName'])} already exists"
        raise AWSError("AlreadyExistsException", said)
    if reply.code:
        raise await at.refusal(reply, "alias.write", given["AliasName"], alias)


async def update_alias(at: Visitor, given: Given) -> None:
    """UpdateAlias: there must be one of that name."""
    alias = _alias(given)
    await at.ask("key.read", asks.Nothing(), given["AliasName"])
    view = await at.view(names.no_alias(given["TargetKeyId"]))
    await at.ask_of("alias.write", transfers.WriteAlias(key=view.name), given["AliasName"], alias)


async def delete_alias(at: Visitor, given: Given) -> None:
    """DeleteAlias. The key stays as it is."""
    await at.ask_of("alias.delete", asks.Nothing(), given["AliasName"], _alias(given))


async def list_aliases(at: Visitor, given: Given) -> Given:
    """ListAliases: all, or those of a key."""
    wanted = (await at.view(names.no_alias(given["KeyId"]))).name if "KeyId" in given else ""

    async def page(after: str, limit: int) -> tuple[list[Given], str]:
        ask = transfers.ListAliases(limit=limit, page_token=after)
        found = await at.ask("alias.list", ask)
        shown = []
        for alias in found.aliases:
            name = names.alias_of(alias.name)
            if not name or (wanted and alias.key != wanted):
                continue
            view = await at.named(alias.key)
            if is_known(view):
                shown.append(_shown(at, name, alias, bytes.fromhex(view.id)))
        return shown, found.next_page_token

    return await Pages(given, default=_LISTED, most=_LISTED_MAX).answer("Aliases", page)


def _shown(at: Visitor, name: str, alias: transfers.AliasView, key_id: bytes) -> Given:
    created = seconds(alias.created)
    return {
        "AliasName": name, "AliasArn": at.place.alias(name), "TargetKeyId": names.uuid(key_id),
        "CreationDate": created, "LastUpdatedDate": created,
    }  # fmt: skip


def _alias(given: Given) -> str:
    """The alias as we name it. Raises `AWSError`."""
    name: str = given["AliasName"]
    if not name.startswith("alias/"):
        raise validation(
            'Alias must start with the prefix "alias/". Please see'
            " https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
        )
    if name.startswith(_RESERVED):
        raise AWSError("NotAuthorizedException")
    ours = names.alias_here(name)
    if not ours:
        raise AWSError("InvalidAliasNameException", "The alias is too long to be kept here.")
    return ours
