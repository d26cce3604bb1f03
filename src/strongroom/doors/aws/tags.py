"""Tags: AWS's word for labels."""

from typing import Any, Final

from strongroom.domain import asks
from strongroom.doors.aws.errors import AWSError
from strongroom.doors.aws.states import forbid
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
    view = await at.view(given["KeyId"])
    forbid(view, at.place, "PendingDeletion")
    labels = _few(view.labels | labels_of(given["Tags"]))
    await at.ask("key.update", asks.UpdateKey(labels=labels), given["KeyId"])


async def untag_resource(at: Visitor, given: Given) -> None:
    """UntagResource."""
    view = await at.view(given["KeyId"])
    forbid(view, at.place, "PendingDeletion")
    labels = {name: value for name, value in view.labels.items() if name not in given["TagKeys"]}
    await at.ask("key.update", asks.UpdateKey(labels=labels), given["KeyId"])


async def list_resource_tags(at: Visitor, given: Given) -> Given:
    """ListResourceTags: all of them, as there are never more than a page holds."""
    view = await at.view(given["KeyId"])
    tags = [{"TagKey": name, "TagValue": value} for name, value in sorted(view.labels.items())]
    return {"Tags": tags, "Truncated": False}


def _few(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > _TAGS_MAX:
        raise AWSError("TagException", "Too many tags")
    return labels
