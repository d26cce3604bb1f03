import json

import pytest

from tests.support.tree import ROOT
from tests.support.witnessing import program


@pytest.fixture(scope="session")
def log_vectors():
    found = ROOT / "tests/vectors/data/tlog/strongroom-audit-log.json"
    return json.loads(found.read_text())


@pytest.fixture
def directory(tmp_path):
    """What `init` makes."""
    made = program("init", tmp_path / "witness", "--name", "witness.example/w1")
    assert made.returncode == 0, made.stderr
    (tmp_path / "witness" / "vkeys").write_text(made.stdout)
    return tmp_path / "witness"
