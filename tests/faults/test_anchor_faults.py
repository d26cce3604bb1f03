"""The signing process ends at its Nth write, flush, cut or renaming, of database or anchor alike.

Whoever comes next finds one log: it stands, is signed on without a fork, and every checkpoint that
anybody may have seen is of it. Every tenth moment is tried here, `make soak` tries each.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.services.anchors import Anchors
from tests.support.notaries import Auditor, bodies
from tests.support.signing_child import found, made

ROOT = Path(__file__).parents[2]
CALLS = ("pwrite64", "fsync", "fdatasync", "ftruncate", "rename")
FAULTS = {"killed": "signal=SIGKILL", "full": "error=ENOSPC", "broken": "error=EIO"}
_MANY = {"pwrite64": 160, "fsync": 12, "fdatasync": 22, "ftruncate": 12, "rename": 6}  # at least


@pytest.fixture(scope="module")
def pristine(tmp_path_factory, memory_path):
    if shutil.which("strace") is None:
        pytest.skip("MISSING: strace; tools/install-test-packages.sh installs it")
    folder = memory_path / "pristine"
    made(folder)
    return folder


def run(folder, call, fault, nth):
    """The child, with that fault at that call. Returns what it said, and whether it came so far."""
    trace = folder / "strace"
    done = subprocess.run(
        [
            "strace", "-f", "-qq", "-o", trace, "-e", f"trace={call}",
            "-e", f"inject={call}:{fault}:when={nth}",
            sys.executable, "-m", "tests.support.signing_child", folder,
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""}
        | {"PATH": "/usr/local/bin:/usr/bin:/bin"},
    )  # fmt: skip
    lines = trace.read_text().splitlines()
    if any("ptrace" in line and "Operation not permitted" in line for line in lines):
        pytest.skip("strace may not look into a process here")
    reached = any("INJECTED" in line or "killed by SIGKILL" in line for line in lines)
    return [int(size) for size in done.stdout.split()], reached


def check(folder, acknowledged):
    """One log; nothing that was seen is lost, and it goes on."""
    signed = found(folder)
    try:
        assert signed.standing() == ""
        anchors = Anchors(signed.provider, signed.store.deployment)
        auditor = Auditor(signed.vkeys())
        served = signed.store.checkpoints()
        auditor.show(served.signed)
        # What is in the anchor may be newer than what is served, never older.
        anchored = anchors.opened(signed.files.checkpoint)
        auditor.show(anchored.note.to_bytes())
        assert served.size >= max(acknowledged, default=0)
        # Whatever was destroyed is in the list before it is in a checkpoint.
        erased = [
            event.position
            for event in signed.store.changes(0, 1_000, erasing=True)
            if event.position < anchored.checkpoint.size
        ]
        assert {one.position for one in signed.destructions()} >= set(erased)
        signed.desk.ask(signed.house.admin, "status.read")
        signed.appoint()
        assert signed.sign()
        auditor.show(signed.store.checkpoints().signed)
        signed.desk.ask(signed.house.admin, "status.read")
        assert signed.sign()
        auditor.show(signed.store.checkpoints().signed)
        auditor.require_one_log(bodies(signed.store))
        assert signed.standing() == ""
    finally:
        signed.close()


def moments():
    for name, fault in FAULTS.items():
        for call in CALLS:
            for nth in range(1, _MANY[call]):
                marks = () if nth % 10 == 3 and (name == "killed" or nth == 3) else pytest.mark.soak
                yield pytest.param(call, fault, nth, id=f"{name}-{call}-{nth}", marks=marks)


@pytest.mark.parametrize(("call", "fault", "nth"), list(moments()))
def test_whenever_it_ends_the_log_goes_on_without_fork_gap_or_double_entry(
    pristine, tmp_path, call, fault, nth
):
    folder = tmp_path / "house"
    shutil.copytree(pristine, folder)
    acknowledged, reached = run(folder, call, fault, nth)
    if not reached:
        assert len(acknowledged) == 4
        pytest.skip(f"it makes fewer such calls than {nth}")
    check(folder, acknowledged)


def test_undisturbed_it_signs_four_times(pristine, tmp_path):
    folder = tmp_path / "house"
    shutil.copytree(pristine, folder)
    acknowledged, reached = run(folder, "rename", "signal=SIGKILL", 10_000)
    assert (len(acknowledged), reached) == (4, False)
    check(folder, acknowledged)
