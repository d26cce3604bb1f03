"""How it is installed and checked: the make targets, the lock files, what is depended upon."""

import re
import subprocess
import sys

import pytest

import strongroom
from tests.support.tree import ROOT, imports, modules, project

TARGETS = {"help", "run", "test", "check", "format", "bench", "soak", "mutate", "lock", "clean"}
# Distributions that are imported under another name, or by somebody else for us.
IMPORTED_AS = {"prometheus-client": "prometheus_client", "pynacl": "nacl"}


def locked(file: str) -> dict[str, str]:
    """Name and version of everything in a lock file."""
    pins = re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / file).read_text(), re.MULTILINE)
    return dict(pins)


def wanted() -> set[str]:
    return {
        re.split(r"[<>=!~ \[]", line, maxsplit=1)[0]
        for line in project()["project"]["dependencies"]
    }


def test_make_alone_lists_every_target_with_its_purpose():
    shown = subprocess.run(
        ["make", "--no-print-directory"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", shown, re.MULTILINE))
    phony = re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(listed) == TARGETS == {target for target in phony if not target.startswith(".")}


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_everything_locked_has_hashes_and_no_place_to_come_from(file):
    text = (ROOT / file).read_text()
    blocks = re.split(r"\n(?=[a-z])", text.strip())
    assert len(blocks) == len(locked(file))
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "index-url" not in text


def test_what_developers_have_contains_what_users_have():
    """tools/venv.sh relies on it: an environment with the one has the other."""
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()


def test_every_dependency_is_locked():
    assert wanted() <= locked("requirements.lock").keys()


def test_the_program_depends_on_exactly_what_it_imports():
    """What is not imported would still run where keys are, when it is installed."""
    outside = {
        top
        for path in modules()
        for top in (module.split(".")[0] for module in imports(path))
        if top not in sys.stdlib_module_names and top != "strongroom"
    }
    named = {IMPORTED_AS.get(one, one) for one in wanted()}
    # uvicorn's protocol, of which ours is a kind, parses with it.
    assert named == outside | {"httptools"}


def test_the_version_stands_in_one_place():
    assert re.fullmatch(r"\d+\.\d+\.\d+", strongroom.__version__)
    assert "version" in project()["project"]["dynamic"]
    strays = [
        path
        for path in modules()
        if path.parent.name != "strongroom" and f'"{strongroom.__version__}"' in path.read_text()
    ]
    assert not strays


def test_ci_runs_what_developers_run():
    assert "make --no-print-directory test" in (ROOT / ".ci" / "run").read_text()
