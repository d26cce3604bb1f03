"""`strongroom otp ...`: credentials and codes."""

import base64
import json
import re

import pytest

from strongroom.domain.otp import otpauth
from tests.cli.conftest import on_a_terminal
from tests.support.otp import wrong
from tests.support.otp_people import ID, code, code_of_now, line

SUITE = "OCRA-1:HOTP-SHA256-8:QN08"


def enrolled(people, *words):
    return people.told("enroller", "otp", "enrol", "alice", *words)


def test_enrolling_answers_with_a_link_and_no_secret(people, server):
    said = people.does("enroller", "otp", "enrol", "alice", "--digits", "8")
    assert re.search(r"^codes +totp, SHA1, 8 digits, 30 seconds$", said, re.MULTILINE)
    assert re.search(r"^state +pending$", said, re.MULTILINE)
    assert f"{server.url}/enrol/otl_" in said
    assert "The link opens once." in said
    assert "alice" not in said


def test_a_secret_made_here_is_shown_once_proved_and_used(people):
    """With --qr the link is opened on the spot: what it shows makes the right codes."""
    opened = enrolled(people, "--qr", "--account", "alice", "--issuer", "Bank")
    credential, shown = opened["enrolled"]["credential"]["id"], opened["secret"]
    entry = otpauth.parse(shown["uri"])
    assert (entry.account, entry.issuer) == ("alice", "Bank")
    secret = entry.secret.reveal()
    first = code_of_now(secret)
    refused = people.enroller("otp", "activate", credential, stdin=line(wrong(first)))
    assert (refused.code, refused.err) == (9, "The code is not right.\n")
    said = people.does("enroller", "otp", "activate", credential, stdin=line(first))
    assert "It is active." in said
    # Used up by that.
    assert people.verifier("otp", "verify", credential, stdin=line(first)).code == 9


def test_qr_code_is_drawn_beside_the_key(people):
    said = people.does("enroller", "otp", "enrol", "alice", "--qr", "--account", "alice")
    assert sum(line.count("█") + line.count("▀") for line in said.splitlines()) > 100
    assert re.search(r"^key +[A-Z2-7 ]{32,}$", said, re.MULTILINE)
    assert "This is shown once." in said


def test_a_secret_can_be_sealed_to_a_device(people, tmp_path):
    public = base64.b64decode(KEY)
    der, pem = tmp_path / "der", tmp_path / "pem"
    der.write_bytes(public)
    pem.write_text(f"-----BEGIN PUBLIC KEY-----\n{KEY}\n-----END PUBLIC KEY-----\n")
    for file in (der, pem):
        made = enrolled(people, "--sealed-to", str(file))
        assert made["link"] is None
        assert made["sealed"]["algorithm"] == "x25519"
    assert "sealed" in people.does("enroller", "otp", "enrol", "alice", "--sealed-to", str(der))
    pem.write_text("-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----\n")
    assert people.enroller("otp", "enrol", "alice", "--sealed-to", str(pem)).code == 1


# A public key of X25519 (RFC 7748, 6.1: Alice's), as SubjectPublicKeyInfo (RFC 8410).
KEY = base64.b64encode(
    bytes.fromhex(
        "302a300506032b656e0321008520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    )
).decode()


def test_there_is_one_way_to_hand_a_secret_over(people):
    result = people.enroller("otp", "enrol", "alice", "--qr", "--later")
    assert result.code == 2
    assert "--qr" in result.err


def test_a_secret_that_was_handed_over_later_and_a_rotation(people):
    made = enrolled(people, "--later")
    assert made["link"] is None
    credential = made["credential"]["id"]
    opened = people.told("enroller", "otp", "link", credential, "--qr")["secret"]
    first = code_of_now(otpauth.parse(opened["uri"]).secret.reveal())
    people.does("enroller", "otp", "activate", credential, stdin=line(first))
    said = people.does("enroller", "otp", "rotate", credential)
    assert re.search(r"^secret +the 2\.$", said, re.MULTILINE)
    assert "old secret works until" in said


def test_a_code_is_right_once_and_says_so_with_the_exit_code(people):
    credential = people.counter()
    done = people.verifier("otp", "verify", credential, stdin=line(code(0)))
    assert (done.code, done.out, done.err) == (0, "", "The code is right.\n")
    again = people.verifier("otp", "verify", credential, "-o", "json", stdin=line(code(0)))
    assert (again.code, json.loads(again.out)) == (9, {"valid": False})
    user = people.verifier("otp", "verify-user", "alice", stdin=line(code(1)))
    assert (user.code, user.err) == (0, f"The code is right for {credential}.\n")
    assert people.verifier("otp", "verify-user", "bob", stdin=line(code(2))).code == 9


@pytest.mark.parametrize("command", ["verify", "activate", "verify-user"])
def test_a_code_is_no_argument(cli, command):
    result = cli("otp", command, "alice", "123456")
    assert (result.code, result.out) == (2, "")
    assert "123456" not in result.err


def test_without_a_code_nothing_is_asked(people, server):
    people.variable("verifier")
    asked = len(server.asked)
    result = people.verifier("otp", "verify-user", "alice", stdin=b"\n")
    assert result.code == 2
    assert "There is no code on standard input" in result.err
    assert len(server.asked) == asked


def test_reasons_are_for_those_who_may_know(people, cli):
    text = 'permit (principal == Principal::"verifier", action == Action::"otp.read-reasons",'
    people.variable("verifier")
    cli.does("policy", "put", "reasons", stdin=f"{text} resource);".encode())
    result = people.verifier("otp", "verify-user", "nobody", stdin=line("123456"))
    assert (result.code, result.err) == (9, "The code is not right. (no-credential)\n")


def test_two_codes_in_a_row_find_a_device_again(people):
    credential = people.counter()
    assert people.verifier("otp", "verify", credential, stdin=line(code(40))).code == 9
    one = people.helpdesk("otp", "resync", credential, stdin=line(code(40)))
    assert one.code == 2
    assert people.helpdesk("otp", "resync", credential, stdin=line(code(40), "000000")).code == 9
    said = people.does("helpdesk", "otp", "resync", credential, stdin=line(code(40), code(41)))
    assert "The device is known again." in said
    assert people.verifier("otp", "verify", credential, stdin=line(code(42))).code == 0


def test_a_challenge_is_asked_for_a_transaction(people):
    made = enrolled(people, "--type", "ocra", "--suite", SUITE)
    credential = made["credential"]["id"]
    said = people.does("enroller", "otp", "challenge", credential, "--transaction", "amount=12.30")
    assert re.search(r"^question +\d{8}$", said, re.MULTILINE)
    assert re.search(rf"^suite +{re.escape(SUITE)}$", said, re.MULTILINE)
    answer = ["--challenge", "1", "--transaction", "amount=12.30"]
    assert people.enroller("otp", "activate", credential, *answer, stdin=line("1" * 8)).code == 9
    result = people.enroller("otp", "challenge", credential, "--transaction", "amount")
    assert (result.code, result.out) == (2, "")


def test_showing_a_code_is_nobodys_part(people, cli):
    credential = people.counter()
    assert people.verifier("otp", "compute", credential).code == 4
    printed = cli.does("otp", "compute", credential, "--print-policy", "--for", "verifier")
    cli.does("policy", "put", "show", stdin=printed.encode())
    assert people.does("verifier", "otp", "compute", credential) == code(0) + "\n"


def test_each_step_of_a_life(people):
    credential = people.counter()
    assert "suspended" in people.does("helpdesk", "otp", "suspend", credential)
    assert people.verifier("otp", "verify", credential, stdin=line(code(0))).code == 9
    again = people.helpdesk("otp", "suspend", credential)
    assert again.code == 6
    assert "suspended" in again.err
    assert "active" in people.does("helpdesk", "otp", "resume", credential)
    assert credential in people.does("helpdesk", "otp", "unlock", credential)
    assert "revoked" in people.does("officer", "otp", "revoke", credential, "--yes")
    ended = people.does("officer", "otp", "destroy", credential, "--yes")
    assert re.search(r"^state +destroyed$", ended, re.MULTILINE)
    receipt = re.search(r"strongroom audit receipt ([0-9a-f]{32})", ended)[1]
    shown = people.does("officer", "otp", "show", credential)
    assert re.search(rf"^receipt +{receipt}$", shown, re.MULTILINE)


def test_an_end_as_json_has_its_receipt_and_place(people):
    credential = people.counter()
    ended = people.told("officer", "otp", "destroy", credential, "--yes")
    assert ended["credential"]["state"] == "destroyed"
    assert re.fullmatch("[0-9a-f]{32}", ended["receipt"])
    assert ended["position"] > 0


def test_credentials_are_listed_by_what_is_asked(people):
    nothing = people.auditor("otp", "list")
    assert (nothing.code, nothing.out) == (0, "")
    assert "There is no such credential." in nothing.err
    imported = people.counter(user="alice")
    made = people.told("enroller", "otp", "enrol", "bob", "--serial", "9000")["credential"]["id"]

    def found(*words):
        return set(ID.findall(people.does("auditor", "otp", "list", *words)))

    assert found() == {imported, made}
    assert found("--user", "alice") == found("--state", "active") == {imported}
    assert found("--type", "hotp") == found("--imported") == {imported}
    assert found("--serial", "9000") == found("--made-here") == {made}
    assert found("--reminder", "not-fetched") == {made}
    assert found("--locked") == found("--otp-profile", "cards") == set()
    assert found("--created-before", "2026-01-01T00:00:00Z") == set()
    assert found("--created-after", "+1d") == set()
    assert found("--created-after", "2026-01-01T00:00:00Z") == {imported, made}
    assert len(found("--limit", "1")) == 1
    listed = people.told("auditor", "otp", "list", "--limit", "1", "--all")
    assert {each["id"] for each in listed["items"]} == {imported, made}
    assert people.auditor("otp", "list", "--state", "dreadful").code == 1


def test_what_is_no_credential_is_not_found_or_refused(people):
    assert people.auditor("otp", "show", "otp-" + "a" * 26).code == 5
    assert people.auditor("otp", "show", "../keys").code != 0
    assert people.helpdesk("otp", "suspend", "otp-" + "a" * 26).code == 5


def test_nobody_does_anothers_part(people):
    credential = people.counter()
    for duty, words in (
        ("enroller", ["verify", credential]), ("verifier", ["show", credential]),
        ("helpdesk", ["enrol", "bob"]), ("officer", ["unlock", credential]),
        ("migrator", ["suspend", credential]),
    ):  # fmt: skip
        assert getattr(people, duty)("otp", *words, stdin=line(code(0))).code == 4, duty


def test_on_a_terminal_codes_are_typed_unseen(people, cli):
    """Standard output is the terminal; the code comes as a line, and is not shown."""
    credential = people.counter()
    words = ["otp", "verify", credential, "--token-from", people.variable("verifier")]
    code_, shown, err = on_a_terminal(words, line(code(0)))
    assert code_ == 0, err
    assert code(0).encode() not in shown + err


def test_a_policy_that_is_printed_suffices(people, cli, monkeypatch):
    """Of one command about a credential; nothing less does."""
    credential = people.counter()
    words = ["otp", "suspend", credential]
    assert cli.app(*words).code == 4
    printed = cli.does(*words, "--print-policy", "--for", "app")
    assert f'Credential::"{credential}"' in printed
    cli.does("policy", "put", "printed", stdin=printed.encode())
    assert cli.app(*words).code == 0
    assert cli.app("otp", "resume", credential).code == 4


def test_a_printed_request_is_not_sent(people, server):
    credential = people.counter()
    asked = len(server.asked)
    printed = people.does("officer", "otp", "destroy", credential, "--yes", "--print-curl")
    assert f"/v1/otp/{credential}" in printed
    assert "DELETE" in printed
    assert "otp.destroy" not in server.asked[asked:]
