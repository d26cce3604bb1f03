import json

import pytest

from tests.support.tree import ROOT


@pytest.fixture(scope="session")
def log_vectors():
    """tests/vectors/README says where they come from."""
    found = ROOT / "tests/vectors/data/tlog/strongroom-audit-log.json"
    return json.loads(found.read_text())
