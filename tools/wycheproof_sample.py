"""Writes tests/vectors/data/wycheproof: `python tools/wycheproof_sample.py DIRECTORY`.

The directory holds the full set. Of each file that is run every tenth case is taken, and every
`acceptable` one; of a group what the tests read. Otherwise values are upstream's, unchanged.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the table of files is the tests'

from tests.support.wycheproof import LEFT_OUT, SAMPLE  # noqa: E402 - the line above finds it

_EVERY: Final = 10
_OF_A_GROUP: Final = frozenset(
    {
        "curve", "ivSize", "keySize", "mgfSha", "privateKeyPkcs8", "privateSeed", "publicKey",
        "publicKeyDer", "sLen", "sha", "tagSize", "type",
    }
)  # fmt: skip


def main(source: Path) -> None:
    """Replace the sample."""
    for old in SAMPLE.glob("*.json"):
        old.unlink()
    for path in sorted(source.glob("*.json")):
        if path.stem not in LEFT_OUT:
            text = json.dumps(_sampled(json.loads(path.read_text())), separators=(",", ":"))
            (SAMPLE / path.name).write_text(text.replace('{"tcId"', '\n{"tcId"') + "\n")
    shutil.copyfile(source / "LICENSE", SAMPLE / "LICENSE")


def _sampled(whole: dict[str, Any]) -> dict[str, Any]:
    groups: list[dict[str, Any]] = []
    number = 0
    for group in whole["testGroups"]:
        tests = []
        for test in group["tests"]:
            if number % _EVERY == 0 or test["result"] == "acceptable":
                tests.append(test)
            number += 1
        if tests:
            kept = {name: value for name, value in group.items() if name in _OF_A_GROUP}
            if not isinstance(kept.get("publicKey"), str):
                kept.pop("publicKey", None)  # the DER beside it says the same
            groups.append({**kept, "tests": tests})
    return {
        "algorithm": whole.get("algorithm", ""),
        "schema": whole["schema"],
        "numberOfTests": sum(len(group["tests"]) for group in groups),
        "testGroups": groups,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
