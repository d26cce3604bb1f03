"""Who may import whom. The contracts are in pyproject.toml; here is what they cannot say."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tree import ROOT, SOURCE, imports, modules, name, project

# What the programs at the edge may know of the domain: the words spoken with a server.
SPOKEN = {
    "alerts": "what is asked and answered about alerts",
    "algorithms": "the catalogue, to show it",
    "asks": "requests and answers",
    "times": "how times are written",
    "transfers": "more of them",
    "uses": "more of them",
    "cedar_schema": "the policy that a command needs",
    "envelope": "which key and version a ciphertext names",
    "errors": "what is said of a ciphertext that is none",
    "events": "an entry as it was hashed, to check what is exported",
    "evidence": "what is asked and answered about receipts and the log",
    "iam": "what is asked and answered about key policies and grants",
    "limits": "to say beforehand what would be refused",
    "operations": "what there is to ask",
    "otp": "what is asked and answered about credentials, and how their URIs are spelt",
    "sensitive": "how secrets of users are held while a file of them is read",
    "roles": "what everybody may do, so that no policy is printed for it",
    "tokens": "how the ids of access keys are spelt",
    "words": "how names are spelt",
}


def lint(config: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-cache", "--config", config],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_arrows_go_one_way():
    result = lint(ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout


def test_an_arrow_the_wrong_way_is_noticed(tmp_path):
    """The same settings with one contract that does not hold: the checker is not asleep."""
    wrong = tmp_path / "contracts.toml"
    wrong.write_text(
        '[tool.importlinter]\nroot_package = "strongroom"\n'
        '[[tool.importlinter.contracts]]\nname = "upside down"\ntype = "layers"\n'
        'layers = ["strongroom.domain", "strongroom.services"]\n'
    )
    assert lint(wrong).returncode == 1


def test_every_part_of_the_program_is_under_a_contract():
    """A new folder, or a new module beside the folders, needs a place in the arrows."""
    contracts = str(project()["tool"]["importlinter"]["contracts"])
    parts = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in modules()}
    unplaced = [
        part for part in sorted(parts - {"__init__"}) if f"strongroom.{part}'" not in contracts
    ]
    assert not unplaced


@pytest.mark.parametrize("part", ["cli", "client"])
def test_the_edge_knows_only_the_words_spoken_with_a_server(part):
    for path in (SOURCE / part).rglob("*.py"):
        if name(path) == "cli/server.py":
            continue  # its commands run a server
        known = {i.split(".")[2] for i in imports(path) if i.startswith("strongroom.domain.")}
        assert known <= SPOKEN.keys(), name(path)


def test_only_one_file_makes_permits():
    """A right is weighed in one place, so that forgetting to weigh it is a type error."""
    makers = [name(path) for path in modules() if "Permit(" in path.read_text()]
    assert makers == ["services/authorize.py"]


def test_only_the_clock_tells_the_time_to_rules():
    for part in ("domain", "ports", "services", "tlog"):
        for path in (SOURCE / part).rglob("*.py"):
            text = path.read_text()
            assert "datetime.now(" not in text, name(path)
            assert "time.time" not in text, name(path)
            assert "import time" not in text, name(path)
