"""The tests of the log's formats run every line of them, and every branch both ways."""

import subprocess
import sys

from tests.support.tree import ROOT

# Without Go: what only another implementation notices should have its own test as well.
TESTS = [
    "tests/tlog", "tests/properties/test_tlog_proofs.py", "tests/vectors/test_merkle.py",
    "tests/vectors/test_tlog.py", "--ignore=tests/tlog/test_go.py",
    "--ignore=tests/tlog/test_coverage.py",
]  # fmt: skip


def test_every_branch_is_run(tmp_path):
    """With a process of its own, so that what is imported is counted too."""
    counted = ["-m", "coverage"]
    kept = f"--data-file={tmp_path / 'counted'}"
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    run = subprocess.run(
        [sys.executable, *counted, "run", kept, *tests],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    report = subprocess.run(
        [sys.executable, *counted, "report", kept],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert report.returncode == 0, report.stdout + report.stderr
    assert "strongroom/tlog/proofs.py" in report.stdout
