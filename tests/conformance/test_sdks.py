"""AWS's SDKs for JavaScript and Go, and SOPS, which is built on that for Go: unchanged."""

import os
import re
import shutil
import subprocess

import pytest

from tests.conformance.conftest import node_modules
from tests.support import clients
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "compat" / "aws-sdks.md").read_text()
MODULES = ROOT / "tests" / "conformance" / "clients"


def program(language):
    """The page's only one in that language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def said(environment, *command, cwd):
    ended = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def built(name, folder, *what, minutes):
    """Build a Go program with the locked modules. Skips, loudly, where they cannot be had."""
    if not shutil.which("go"):
        clients.loudly_skip(f"NO GO HERE: {name} IS NOT TRIED", "")
    for lock in ("go.mod", "go.sum"):
        shutil.copy(MODULES / name / lock, folder)
    # No other toolchain than the one that is here is fetched, and no other versions.
    how = os.environ | {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}

    def go(*command):
        return subprocess.run(
            ["go", *command], cwd=folder, env=how, capture_output=True, text=True,
            timeout=minutes * 60, check=False,
        )  # fmt: skip

    fetched = go("mod", "download")
    if fetched.returncode != 0:
        loud = f"{name}'s MODULES CANNOT BE HAD, SO IT IS NOT TRIED"
        clients.loudly_skip(loud, fetched.stderr[-500:])
    ended = go("build", "-buildvcs=false", "-o", "program", *what)
    assert ended.returncode == 0, ended.stderr
    return folder / "program"


def test_javascripts(environment, tmp_path):
    (node_modules(tmp_path) / "page.mjs").write_text(program("js"))
    expected = "4111-1111\nInvalidCiphertextException\n"
    assert said(environment, "node", "page.mjs", cwd=tmp_path) == expected


def test_gos(environment, tmp_path):
    (tmp_path / "main.go").write_text(program("go"))
    assert said(environment, built("go", tmp_path, minutes=5), cwd=tmp_path) == "4111-1111\ntrue\n"


@pytest.mark.soak
def test_sops(environment, kms_key, tmp_path):
    """It takes minutes to build."""
    sops = built("sops", tmp_path, "github.com/getsops/sops/v3/cmd/sops", minutes=15)
    plain = "database:\n    password: swordfish\n"
    (tmp_path / "plain.yaml").write_text(plain)
    how = ("encrypt", "--kms", kms_key, "--encryption-context", "app:web")
    sealed = said(environment, sops, *how, "plain.yaml", cwd=tmp_path)
    assert "swordfish" not in sealed
    (tmp_path / "sealed.yaml").write_text(sealed)
    assert said(environment, sops, "decrypt", "sealed.yaml", cwd=tmp_path) == plain
    (tmp_path / "sealed.yaml").write_text(sealed.replace("app: web", "app: wob"))
    with pytest.raises(AssertionError, match="InvalidCiphertextException"):
        said(environment, sops, "decrypt", "sealed.yaml", cwd=tmp_path)


@pytest.fixture
def kms_key(boto3, told):
    return boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
