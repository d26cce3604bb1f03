"""`strongroom otp import`: each format, the same again, and what could not be taken."""

import csv
import io
import json
import re
import sqlite3

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from strongroom import pskc
from strongroom.domain import limits
from strongroom.domain.sensitive import Sensitive
from tests.support.otp import SECRET
from tests.support.otp_people import code, line, uri
from tests.support.terminal import blocks
from tests.support.tree import ROOT

PAGE = (ROOT / "docs" / "operate" / "otp-migration.md").read_text()
SAMPLES = {name: content for _, name, content in blocks(PAGE) if name}


@pytest.fixture
def imported(people, tmp_path):
    """Import this content; the result, and the tally as JSON."""

    def do(form, content, *words):
        file = tmp_path / f"secrets.{form}"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        result = people.migrator("otp", "import", str(file), "--format", form, *words, "-o", "json")
        return result, json.loads(result.out) if result.out else None

    return do


def tally(created, there=0, failed=0):
    return {"created": created, "there": there, "failed": failed}


# --- otpauth --------------------------------------------------------------------------------------


def test_what_can_be_taken_is_and_the_rest_is_said_by_its_place(people, imported):
    """A bad line keeps nobody else out, and nothing of it is repeated."""
    text = (
        "# a remark\n\n" + uri("hotp", "alice", counter=3) + uri("totp", "bob", b"short")
        + "https://example.com/hunter2\n" + uri("totp", "carol")
    )  # fmt: skip
    result, said = imported("otpauth", text)
    assert (result.code, said) == (10, tally(2, failed=2))
    assert [told.partition(":")[0] for told in result.err.splitlines()] == ["line 4", "line 5"]
    assert "hunter2" not in result.err
    assert people.verifier("otp", "verify-user", "alice", stdin=line(code(2))).code == 9
    assert people.verifier("otp", "verify-user", "alice", stdin=line(code(3))).code == 0


def test_the_same_again_is_there_already(imported):
    text = uri("hotp", "alice") + uri("totp", "bob")
    assert imported("otpauth", text)[1] == tally(2)
    result, said = imported("otpauth", text + uri("totp", "carol"))
    assert (result.code, said) == (0, tally(1, there=2))


def test_an_import_that_was_cut_off_goes_on_where_it_was(people, imported, server, monkeypatch):
    """After the first request the server is away; run again, the import ends as it should."""
    monkeypatch.setattr(limits, "BATCH_ITEMS_MAX", 2)
    text = "".join(uri("totp", f"user-{number}") for number in range(5))
    people.variable("migrator")
    ask = server.ask

    async def once(call):
        answer = await ask(call)
        server.away = True
        return answer

    monkeypatch.setattr(server, "ask", once)
    result, said = imported("otpauth", text)
    assert (result.code, said) == (7, None)
    monkeypatch.setattr(server, "ask", ask)
    server.away = False
    assert imported("otpauth", text)[1] == tally(3, there=2)


def test_reasons_are_shown_up_to_a_number(people, tmp_path):
    file = tmp_path / "bad"
    file.write_text("nothing\n" * 25)
    result = people.migrator("otp", "import", str(file), "--format", "otpauth")
    assert result.code == 10
    assert result.err.count("line ") == 20
    assert "... and 5 more." in result.err
    assert "0 credentials were made, 0 were there already, 25 could not be imported." in result.err


def test_what_only_the_server_refuses_is_said_too(people, imported):
    """Of a batch of which nothing is taken, each is told why."""
    key = bytes(96)
    rows = "".join(f"OCRA{number},ocra,{sealed(SECRET, key)},OCRA-9\n" for number in (1, 2))
    text = "serial,tokentype,key_enc,key_iv,suite\n" + rows
    result, said = imported("privacyidea", text, "--key-file", enckey(people, key))
    assert (result.code, said) == (10, tally(0, failed=2))
    assert len(result.err.splitlines()) == 2


def test_a_profile_that_there_is_not_ends_it(imported, server):
    result, said = imported("otpauth", uri("totp", "a") + uri("totp", "b"), "--otp-profile", "no")
    assert (result.code, said) == (1, None), result
    assert "no such OTP profile" in result.err
    assert server.asked.count("otp.import") == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--format", "lotus"], "--format is one of"),
        (["--format", "privacyidea"], "--key-file enckey"),
        (["--format", "pskc"], "The PSKC file is refused"),
    ],
)
def test_what_is_no_such_file_is_refused_before_anything_is_sent(
    cli, server, tmp_path, words, hint
):
    file = tmp_path / "file"
    file.write_text("what is this?\n")
    result = cli("otp", "import", str(file), *words)
    assert (result.code, result.out) == (2, "")
    assert hint in result.err
    assert cli("otp", "import", str(tmp_path / "nowhere")).code == 2
    assert "otp.import" not in server.asked


# --- Google Authenticator -------------------------------------------------------------------------


def test_an_export_of_googles_app_is_taken_whole_or_not(people, imported):
    first, second = SAMPLES["google.txt"].splitlines()
    result, said = imported("google", first)
    assert (result.code, said) == (2, None)
    assert "no whole export" in result.err
    assert imported("google", f"{second}\n{first}\n")[1] == tally(2)
    assert people.verifier("otp", "verify-user", "frank", stdin=line(code(7))).code == 0


# --- privacyIDEA ----------------------------------------------------------------------------------


def sealed(secret, key, nonce=bytes(16)):
    """As privacyIDEA keeps it, by the description in `cli/otp_privacyidea.py`."""
    text = secret.hex().encode().hex().encode() + b"\x01\x02"
    text += bytes(-len(text) % 16)
    cipher = Cipher(algorithms.AES(key[:32]), modes.CBC(nonce)).encryptor()
    return f"{cipher.update(text).hex()},{nonce.hex()}"


def enckey(people, key):
    """A key file's path."""
    path = people.folder / "enckey"
    path.write_bytes(key)
    return str(path)


def concat_ws(comma, *those):
    """As MySQL has it: NULL is passed over."""
    return comma.join(str(one) for one in those if one is not None)


def database():
    """What of privacyIDEA's tables matters here, with a token of each kind."""
    opened = sqlite3.connect(":memory:")
    opened.create_function("CONCAT_WS", -1, concat_ws)
    opened.create_function("CONCAT", -1, lambda *those: None if None in those else "".join(those))
    opened.executescript(
        """
        CREATE TABLE token (id, serial, tokentype, key_enc, key_iv, otplen, count, active, revoked,
                            rollout_state);
        CREATE TABLE tokeninfo (token_id, "Key", "Value");
        CREATE TABLE tokenowner (token_id, user_id);
        """
    )
    for id_, (kind, digits, count, active, owner, info) in enumerate(
        (
            ("hotp", 6, 5, True, 'cn="grace",dc=bank', {"hashlib": "sha1"}),
            ("totp", 8, 59_000_000, True, "heidi", {"hashlib": "sha256", "timeStep": "60"}),
            ("ocra", None, None, True, None, {"ocrasuite": "OCRA-1:HOTP-SHA1-6:QN08"}),
            ("hotp", 6, 0, False, "left", {}),
            ("sms", 6, 0, True, "ivan", {}),
        ),
        1,
    ):
        secret, nonce = sealed(SECRET, bytes(96)).split(",")
        row = (id_, f"T{id_}", kind, secret, nonce, digits, count, active, None, "")
        opened.execute("INSERT INTO token VALUES (?,?,?,?,?,?,?,?,?,?)", row)
        if owner:
            opened.execute("INSERT INTO tokenowner VALUES (?,?)", (id_, owner))
        for name, value in info.items():
            opened.execute("INSERT INTO tokeninfo VALUES (?,?,?)", (id_, name, value))
    return opened


def exported(dialect):
    """The file that the page's query makes."""
    query = SAMPLES[f"tokens-{dialect}.sql"]
    if dialect == "mysql":
        return "".join(f"{row}\n" for (row,) in database().execute(query))
    found = database().execute(query.removeprefix("COPY (").partition(") TO STDOUT")[0])
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column[0] for column in found.description])
    writer.writerows(found)
    return text.getvalue()


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_the_queries_of_the_page_make_the_file_that_is_read(people, imported, dialect):
    words = ["--key-file", enckey(people, bytes(96))]
    result, said = imported("privacyidea", exported(dialect), *words)
    assert (result.code, said) == (0, tally(3)), result
    found = {
        each["serial"]: each for each in people.told("migrator", "otp", "list", "--all")["items"]
    }
    assert found.keys() == {"T1", "T2", "T3"}
    assert (found["T2"]["algorithm"], found["T2"]["digits"], found["T2"]["period"]) == (
        "SHA256",
        8,
        60,
    )
    assert found["T3"]["suite"] == "OCRA-1:HOTP-SHA1-6:QN08"
    user = 'cn="grace",dc=bank'
    assert people.verifier("otp", "verify-user", user, stdin=line(code(5))).code == 0


def test_the_wrong_key_opens_nothing_and_a_protected_one_is_refused(people, imported):
    text = exported("postgresql")
    result, said = imported("privacyidea", text, "--key-file", enckey(people, bytes([1]) * 96))
    assert (result.code, said) == (10, tally(0, failed=3))
    result, said = imported("privacyidea", text, "--key-file", enckey(people, b"ab:" * 70))
    assert (result.code, said) == (2, None)
    assert "encrypted with a password" in result.err


@pytest.mark.parametrize(
    ("text", "said"), [("a,b\n1,2\n", "does not name: serial"), (b"\xff\xfe,\n", "not UTF-8")]
)
def test_what_is_no_export_is_refused(people, imported, text, said):
    result, _ = imported("privacyidea", text, "--key-file", enckey(people, bytes(96)))
    assert result.code == 2
    assert said in result.err


# --- PSKC -----------------------------------------------------------------------------------------


def pskc_file(lock, *, broken=False):
    keys = [
        pskc.Key(
            id=f"key-{number}", algorithm="urn:ietf:params:xml:ns:keyprov:pskc:hotp",
            secret=Sensitive(SECRET), device=pskc.Device(manufacturer="m", serial=f"900{number}"),
            user="alice" if number == 1 else "", counter=0, digits=6, encoding="DECIMAL",
        )
        for number in (1, 2)
    ]  # fmt: skip
    made = io.BytesIO()
    pskc.write(made, keys, lock)
    content = made.getvalue()
    if broken:
        at = content.rindex(b"ValueMAC>") - 20  # within the last MAC
        content = (
            content[:at] + (b"B" if content[at : at + 1] == b"A" else b"A") + content[at + 1 :]
        )
    return content


def protections(folder):
    """How a file can be protected -> the lock, and what the command is told."""
    key, password, private = folder / "key", folder / "password", folder / "private"
    key.write_text("0123456789abcdef" * 4)
    password.write_text("correct horse battery\n")
    pair = rsa.generate_private_key(65_537, 2048)
    private.write_bytes(
        pair.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public = pair.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "key": (pskc.pre_shared_key(Sensitive(key.read_bytes())), ["--key-file", str(key)]),
        "password": (
            pskc.Password(Sensitive(b"correct horse battery")), ["--password-file", str(password)],
        ),
        "private": (pskc.public_key(public), ["--key-file", str(private)]),
    }  # fmt: skip


@pytest.mark.parametrize("how", ["key", "password", "private"])
def test_a_makers_file_under_each_protection(people, imported, tmp_path, how):
    lock, words = protections(tmp_path)[how]
    result, said = imported("pskc", pskc_file(lock), *words)
    assert (result.code, said) == (0, tally(2)), result
    assert people.verifier("otp", "verify-user", "alice", stdin=line(code(0))).code == 0
    if how == "key":
        assert imported("pskc", pskc_file(lock), *words)[1] == tally(0, there=2)


def test_a_file_that_is_bad_somewhere_is_refused_as_a_whole(imported, server, tmp_path):
    lock, words = protections(tmp_path)["key"]
    result, said = imported("pskc", pskc_file(lock, broken=True), *words)
    assert (result.code, said) == (2, None)
    assert "The PSKC file is refused" in result.err
    assert "otp.import" not in server.asked


def test_a_file_under_a_password_asks_for_it(imported, tmp_path):
    lock, _ = protections(tmp_path)["password"]
    result, _ = imported("pskc", pskc_file(lock))
    assert result.code == 2
    assert "--password-file" in result.err


def test_the_wrong_key_says_nothing_of_the_file(imported, tmp_path):
    lock, words = protections(tmp_path)["key"]
    (tmp_path / "key").write_text("f" * 64)
    result, _ = imported("pskc", pskc_file(lock), *words)
    assert result.code == 2
    assert not re.search("900[12]|alice", result.err)
