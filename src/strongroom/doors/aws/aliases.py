"""Aliases: names for keys, which move from key to key."""

from typing import Any, Final

from strongroom.domain import asks, transfers
from strongroom.domain.calls import Reply, Terms
from strongroom.domain.errors import AlreadyExists, InvalidRequest
from strongroom.doors.aws import names
from strongroom.doors.aws.errors import AWSError, validation
from strongroom.doors.aws.metadata import seconds
from strongroom.doors.aws.needs import CHANGED
from strongroom.doors.aws.pages import Pages
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_LISTED, _LISTED_MAX = 50, 100
_PREFIX: Final = "alias/"
_RESERVED: Final = "alias/aws/"


async def create_alias(at: Visitor, given: Given) -> None:
    """CreateAlias. A colon fits the model's pattern, and AWS takes it in no name of a new alias."""
    name = given["AliasName"]
    if name.startswith(_PREFIX) and ":" in name:
        raise validation(f"{name} contains invalid characters for an alias")
    reply = await _write(at, given, new=True)
    if reply.code == AlreadyExists.code:
        said = f"An alias with the name {at.place.alias(name)} already exists"
        raise AWSError("AlreadyExistsException", said)
    at.used("alias.write", reply, given["TargetKeyId"], None)


async def update_alias(at: Visitor, given: Given) -> None:
    """UpdateAlias: there must be one of that name, of a key of the same type and usage."""
    reply = await _write(at, given, existing=True)
    if reply.code == InvalidRequest.code and reply.pointer == "$.key":
        raise _unlike(at, given, reply)
    missing = given["TargetKeyId"] if reply.key is None else given["AliasName"]
    at.used("alias.write", reply, missing, None)


async def delete_alias(at: Visitor, given: Given) -> None:
    """DeleteAlias. The key stays as it is."""
    await at.ask_of("alias.delete", asks.Nothing(), given["AliasName"], _alias(given))


async def list_aliases(at: Visitor, given: Given) -> Given:
    """ListAliases: all, or those of a key."""
    wanted = ""
    if "KeyId" in given:
        wanted = names.id_in(names.target(names.no_alias(given["KeyId"]), at.place)).hex()

    async def page(after: str, limit: int) -> tuple[list[Given], str]:
        ask = transfers.ListAliases(limit=limit, page_token=after)
        found = await at.ask("alias.list", ask)
        shown = []
        for alias in found.aliases:
            name = names.alias_of(alias)
            if name and wanted in ("", alias.key_id):
                shown.append(_shown(at, name, alias))
        return shown, found.next_page_token

    pages = Pages(at.operation, given, default=_LISTED, most=_LISTED_MAX)
    answer = await pages.answer("Aliases", page)
    if wanted and not answer["Aliases"]:
        await _require_there(at, given["KeyId"])
    return answer


async def _require_there(at: Visitor, name: str) -> None:
    """Raises `AWSError` where there is no such key.

    The right to list aliases is all that AWS asks for. Who may not read the key is not told whether
    there is one: to them it has no aliases.
    """
    try:
        await at.view(name)
    except AWSError as error:
        if error.code != "AccessDeniedException":
            raise


def _unlike(at: Visitor, given: Given, reply: Reply) -> AWSError:
    arn = at.place.alias(given["AliasName"])
    named = [at.place.key(key.id) for key in (reply.source, reply.key) if key is not None]
    return validation(
        f"Alias {arn} cannot be updated: {' and '.join(named)} must be of the same type (symmetric,"
        " asymmetric or HMAC) and have the same key usage."
    )


async def _write(at: Visitor, given: Given, **how: bool) -> Reply:
    alias, name = _alias(given), names.no_alias(given["TargetKeyId"])
    target = names.target(name, at.place)
    ask = transfers.WriteAlias(key=target, spelt=_spelt(given, alias), **how)
    return await at.reply("alias.write", ask, alias, Terms(key=CHANGED, alike=True))


def _shown(at: Visitor, name: str, alias: transfers.AliasView) -> Given:
    return {
        "AliasName": name, "AliasArn": at.place.alias(name),
        "TargetKeyId": names.uuid(bytes.fromhex(alias.key_id)),
        "CreationDate": seconds(alias.created), "LastUpdatedDate": seconds(alias.updated),
    }  # fmt: skip


def _alias(given: Given) -> str:
    """The alias as we name it. Raises `AWSError`."""
    name: str = given["AliasName"]
    if not name.startswith(_PREFIX):
        raise validation(
            'Alias must start with the prefix "alias/". Please see'
            " https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
        )
    if name == _PREFIX:
        raise validation("An alias has a name after the prefix.")
    if name.startswith(_RESERVED):
        raise AWSError("NotAuthorizedException")
    return names.alias_here(name)


def _spelt(given: Given, alias: str) -> str:
    """The alias as AWS spells it, where ours is made of its digest."""
    name = given["AliasName"].removeprefix(_PREFIX)
    return "" if name == alias else name
