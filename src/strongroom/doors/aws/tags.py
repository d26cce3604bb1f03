"""Tags: AWS's word for labels."""

from bisect import bisect_right
from typing import Any, Final

from strongroom.domain import asks, limits
from strongroom.domain.calls import Terms
from strongroom.domain.errors import TooLarge
from strongroom.doors.aws import names
from strongroom.doors.aws.errors import AWSError
from strongroom.doors.aws.names import no_alias
from strongroom.doors.aws.needs import CHANGED
from strongroom.doors.aws.pages import Pages
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_TAGS_MAX: Final = 50
_RESERVED: Final = "aws:"


def labels_of(tags: list[Given]) -> dict[str, str]:
    """Tags as labels. Raises `AWSError`."""
    labels: dict[str, str] = {}
    for tag in tags:
        name, value = tag["TagKey"], tag["TagValue"]
        if name.lower().startswith(_RESERVED):
            raise AWSError("TagException", "Tags beginning with aws: are reserved")
        if name in labels:
            raise AWSError("TagException", "Duplicate tag keys")
        labels[name] = value
    return _few(labels)


async def tag_resource(at: Visitor, given: Given) -> None:
    """TagResource."""
    await _change(at, given, asks.UpdateKey(add_labels=labels_of(given["Tags"])))


async def untag_resource(at: Visitor, given: Given) -> None:
    """UntagResource."""
    gone = set(given["TagKeys"])
    if len(gone) > limits.LABELS_MAX:
        raise AWSError("TagException", "Too many tags")
    await _change(at, given, asks.UpdateKey(remove_labels=sorted(gone)))


async def list_resource_tags(at: Visitor, given: Given) -> Given:
    """ListResourceTags: all of them, as there are never more than a page holds."""
    pages = Pages(at.operation, given, default=_TAGS_MAX, most=_TAGS_MAX)
    view = await at.view(no_alias(given["KeyId"]), at.operation)
    tags = [{"TagKey": name, "TagValue": value} for name, value in sorted(view.labels.items())]

    async def page(after: str, limit: int) -> tuple[list[Given], str]:
        begin = bisect_right(tags, after, key=lambda tag: tag["TagKey"])
        shown = tags[begin : begin + limit]
        return shown, shown[-1]["TagKey"] if begin + limit < len(tags) else ""

    return await pages.answer("Tags", page)


async def _change(at: Visitor, given: Given, ask: asks.UpdateKey) -> None:
    name = no_alias(given["KeyId"])
    target = names.target(name, at.place)
    terms = Terms(key=CHANGED, labels_max=_TAGS_MAX)
    reply = await at.reply("key.update", ask, target, terms)
    if reply.code == TooLarge.code:
        raise AWSError("TagException", "Too many tags")
    at.used("key.update", reply, name, None)


def _few(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > _TAGS_MAX:
        raise AWSError("TagException", "Too many tags")
    return labels
