"""`strongroom otp export`: what goes out, and how it is protected."""

import os
import stat

import pytest

from strongroom.client import Client
from tests.support.otp_people import code, line, uri
from tests.support.standin import StandIn


@pytest.mark.parametrize("protected", ["key", "password"])
def test_what_goes_out_makes_the_same_codes_elsewhere(people, tmp_path, protected, monkeypatch):
    """A used counter stays used; the file is its owner's alone."""
    credential = people.counter(counter=3)
    people.does("verifier", "otp", "verify", credential, stdin=line(code(3)))
    secret, out = tmp_path / "secret", tmp_path / "out.pskc"
    secret.write_text("0123456789abcdef" * 4)
    words = [f"--{protected}-file", str(secret)]
    said = people.does("migrator", "otp", "export", "--out", str(out), *words)
    assert f"1 secrets are in {out}." in said
    assert stat.S_IMODE(os.stat(out).st_mode) == 0o600
    assert not out.with_name("out.pskc.part").exists()
    with (
        StandIn(tmp_path / "elsewhere.db") as elsewhere,
        Client(elsewhere.url, elsewhere.admin) as there,
    ):
        for name in ("migrator", "verifier"):
            there.create_principal(name, roles=[f"otp-{name}"])
            monkeypatch.setenv(name.upper(), there.create_token(name).token)
        to = ["--url", elsewhere.url]
        assert people.migrator("otp", "import", str(out), *words, *to).code == 0
        (moved,) = people.told("migrator", "otp", "list", *to)["items"]
        for counter, exit_code in ((3, 9), (4, 0)):
            done = people.verifier("otp", "verify", moved["id"], *to, stdin=line(code(counter)))
            assert done.code == exit_code


def test_an_export_is_of_what_was_asked_for(people, tmp_path):
    people.counter()
    file = tmp_path / "list"
    file.write_text(uri("totp", "bob"))
    people.does("migrator", "otp", "import", str(file), "--format", "otpauth")
    (tmp_path / "key").write_text("ab" * 32)
    words = ["otp", "export", "--key-file", str(tmp_path / "key"), "--out", str(tmp_path / "out")]
    assert people.told("migrator", *words, "--type", "totp") == {"exported": 1}
    assert people.migrator(*words).code == 6  # the file is there
    assert people.told("migrator", *words, "--force") == {"exported": 2}
    assert people.officer(*words, "--force").code == 4


def test_what_is_not_protected_does_not_go_out(people, server, tmp_path):
    out = tmp_path / "out"
    words = ["otp", "export", "--out", str(out)]
    bare = people.migrator(*words)
    assert bare.code == 2
    assert "--key-file or --password-file" in bare.err
    (tmp_path / "key").write_text("too short")
    assert people.migrator(*words, "--key-file", str(tmp_path / "key")).code == 2
    (tmp_path / "key").write_text("ab" * 32)
    nothing = people.migrator(*words, "--key-file", str(tmp_path / "key"))
    assert nothing.code == 1  # there is no secret, and no file without one
    assert not out.exists()
    assert not out.with_name("out.part").exists()
