"""What the page about AWS's clients shows is what happens."""

import os
import re
import subprocess
import sys

from tests.support import clients
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "compat" / "aws.md").read_text()


def test_the_program_of_the_page_runs_with_what_is_in_the_environment_of_development(boto3, node):
    del boto3
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    lines = (node.directory / "dev.env").read_text().splitlines()
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "PATH": os.environ["PATH"], "PYTHONPATH": str(clients.folder("boto3")),
            "HOME": str(node.directory), **dict(line.split("=", 1) for line in lines),
        },
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "b'4111-1111'\n"), ended.stderr
