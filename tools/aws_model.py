"""Writes doors/aws/model.json from the installed botocore: `python tools/aws_model.py`.

What clients are checked against, without its documentation: operations, inputs, and the bounds of
each member. A test compares it with the botocore that is installed.
"""

import json
from pathlib import Path
from typing import Any, Final

import botocore.session

_ROOT: Final = Path(__file__).parent.parent
TARGET: Final = _ROOT / "src" / "strongroom" / "doors" / "aws" / "model.json"
_KEPT: Final = ("type", "required", "min", "max", "enum", "pattern", "exception", "fault")


def trimmed() -> str:
    """The model as we keep it."""
    description = botocore.session.get_session().get_service_model("kms")._service_description  # noqa: SLF001 - the only way to the whole of it
    shapes: dict[str, Any] = {}
    operations: dict[str, Any] = {}

    def keep(name: str) -> None:
        if name in shapes:
            return
        shape = description["shapes"][name]
        kept = shapes[name] = {part: shape[part] for part in _KEPT if part in shape}
        if "members" in shape:
            kept["members"] = {member: one["shape"] for member, one in shape["members"].items()}
            for one in kept["members"].values():
                keep(one)
        for part in ("member", "key", "value"):
            if part in shape:
                kept[part] = shape[part]["shape"]
                keep(kept[part])

    for name, operation in description["operations"].items():
        kept = operations[name] = {"errors": sorted(one["shape"] for one in operation["errors"])}
        for part in ("input", "output"):
            if part in operation:
                kept[part] = operation[part]["shape"]
                keep(kept[part])
    errors = sorted(name for name, one in description["shapes"].items() if one.get("exception"))
    return (
        json.dumps(
            {"errors": errors, "operations": operations, "shapes": shapes}, indent=1, sort_keys=True
        )
        + "\n"
    )


if __name__ == "__main__":
    TARGET.write_text(trimmed())
