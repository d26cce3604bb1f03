"""`strongroom otp profile`: what is shown can be written, and what is none is not sent."""

import pytest


def test_profile_that_is_shown_can_be_written(people):
    shown = people.officer("otp", "profile", "show", "default").out
    changed = shown.replace("digits = 6", "digits = 8")
    assert changed != shown
    said = people.officer("otp", "profile", "write", "strong", stdin=changed.encode())
    assert said.code == 0
    assert "The OTP profile strong is written (revision" in said.err
    assert people.officer("otp", "profile", "show", "strong").out == changed
    listed = people.does("officer", "otp", "profile", "list")
    assert "6 digits" in listed
    assert "8 digits" in listed
    words = ["otp", "enrol", "alice", "--otp-profile", "strong"]
    assert people.enroller(*words, "--digits", "6").code == 1
    assert "8 digits" in people.does("enroller", *words)


def test_profile_that_is_deleted_is_gone(people, tmp_path):
    (tmp_path / "file").write_text("grace_seconds = 86400\n")
    people.does("officer", "otp", "profile", "write", "short", str(tmp_path / "file"))
    written = people.told("officer", "otp", "profile", "show", "short")
    assert (written["grace_seconds"], written["digits"]) == (86_400, 6)
    assert "gone" in people.does("officer", "otp", "profile", "delete", "short")
    assert people.officer("otp", "profile", "show", "short").code == 2
    assert people.officer("otp", "profile", "delete", "short").code == 5


@pytest.mark.parametrize(
    "bad", [b"digits = ", b"digits = 'six'", b"didgits = 6", b"\xff", b"digits = 4", b"period = 5"]
)
def test_what_is_no_profile_is_refused_unsent(cli, server, bad):
    result = cli("otp", "profile", "write", "bad", stdin=bad)
    assert (result.code, result.out) == (2, "")
    assert server.asked == []


def test_who_may_not_writes_none(people):
    for duty in ("enroller", "helpdesk", "migrator"):
        words = ["otp", "profile", "write", "mine"]
        assert getattr(people, duty)(*words, stdin=b"digits = 8").code == 4
