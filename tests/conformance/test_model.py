"""The model that the door holds requests to is that of the installed client."""

import importlib.util

from tests.support.tree import ROOT


def test_the_model_is_the_installed_clients(boto3):
    del boto3
    spec = importlib.util.spec_from_file_location("aws_model", ROOT / "tools" / "aws_model.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.TARGET.read_text() == tool.trimmed(), "run: python tools/aws_model.py"
