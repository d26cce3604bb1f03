"""Put mistakes into `src/strongroom/tlog/`, one by one, and see that a test notices each.

    make mutate

mutmut makes the mistakes, in a copy of the tree. Those that change nothing that anybody could
notice are in `tools/mutate.toml`, each with its reason; whatever else no test notices is printed,
and is a test to be written.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
ALLOWED = Path(__file__).with_suffix(".toml")
MUTMUT = Path(sys.executable).parent / "mutmut"
# Noticed: a test failed, or never ended. Anything else is a mistake that could live on.
NOTICED = {"killed", "timeout", "caught by type check"}


def main() -> int:
    """Run all; print what nobody notices. The exit code says whether there is any."""
    allowed = tomllib.loads(ALLOWED.read_text())["equivalent"]
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        for part in ("src", "tests"):
            shutil.copytree(ROOT / part, tree / part)
        shutil.copy(ROOT / "pyproject.toml", tree)
        subprocess.run([MUTMUT, "run"], cwd=tree, check=True)  # noqa: S603 - arguments of its own
        verdicts = dict(
            line.strip().split(": ")
            for line in mutmut(tree, "results", "--all", "true").splitlines()
            if ": " in line
        )
        unnoticed = {
            mutant: changed(mutmut(tree, "show", mutant))
            for mutant, verdict in verdicts.items()
            if verdict not in NOTICED
        }
    used = [any(equivalent(one, *lines) for lines in unnoticed.values()) for one in allowed]
    left = {
        mutant: lines
        for mutant, lines in unnoticed.items()
        if not any(equivalent(one, *lines) for one in allowed)
    }
    for mutant, (before, after) in left.items():
        say(f"{mutant}: {verdicts[mutant]}\n  - {before}\n  + {after}")
    idle = [one["before"] for one, is_used in zip(allowed, used, strict=True) if not is_used]
    for before in idle:
        say(f"{ALLOWED.name} allows what no test lets pass any more: {before}")
    say(
        f"{len(verdicts)} mistakes: {len(verdicts) - len(unnoticed)} noticed, "
        f"{len(unnoticed) - len(left)} equivalent, {len(left)} not noticed"
    )
    return 1 if left or idle or not verdicts else 0


def changed(shown: str) -> tuple[str, str]:
    """What a mistake makes of which lines."""
    lines = shown.splitlines()
    return (
        "\n".join(line[1:].strip() for line in lines if line[:1] == "-" and line[:3] != "---"),
        "\n".join(line[1:].strip() for line in lines if line[:1] == "+" and line[:3] != "+++"),
    )


def equivalent(allowed: dict[str, Any], before: str, after: str) -> bool:
    """Whether the change is that one, somewhere in the line."""
    old, new = allowed["before"], allowed["after"]
    return old in before and before.replace(old, new) == after


def mutmut(tree: Path, *arguments: str) -> str:
    """What mutmut says."""
    command = [str(MUTMUT), *arguments]
    said = subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True)  # noqa: S603 - as above
    return said.stdout


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
