"""The model that the door holds requests to is that of the installed client."""

import importlib.util
import re

from tests.support.tree import ROOT

LOCKS = ROOT / "tests" / "conformance" / "clients"


def test_the_model_is_the_installed_clients(boto3):
    del boto3
    spec = importlib.util.spec_from_file_location("aws_model", ROOT / "tools" / "aws_model.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.TARGET.read_text() == tool.trimmed(), "run: python tools/aws_model.py"


def test_clients_that_may_meet_in_a_process_have_the_same_versions():
    versions = {}
    for name in ("boto3", "encryption-sdk", "tink"):
        for package, version in re.findall(
            r"^([^ =]+)==(\S+)", (LOCKS / f"{name}.lock").read_text(), re.MULTILINE
        ):
            assert versions.setdefault(package, version) == version, f"{package} in {name}.lock"
    assert "boto3" in versions
