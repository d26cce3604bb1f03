"""`strongroom otp import --format privacyidea`: what its own tool writes.

The files are made here as its tool makes them: a list line by line, and PSKC through a parser of
HTML, which leaves small letters only.
"""

import base64
import hashlib
import hmac
import json
import os
import re

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.support.otp import SECRET, hotp, wrong
from tests.support.otp_people import code_of_now, line

HEX = SECRET.hex()
BASE32 = base64.b32encode(SECRET).decode()
PSK = bytes(range(16))


@pytest.fixture
def imported(people, tmp_path):
    """Import this content; the result, and the tally."""

    def do(content, *words, key=None):
        file = tmp_path / "export"
        file.write_text(content)
        if key is not None:
            (tmp_path / "key").write_text(key)
            words += ("--key-file", str(tmp_path / "key"))
        words = ("otp", "import", str(file), "--format", "privacyidea", *words, "-o", "json")
        result = people.migrator(*words)
        return result, json.loads(result.out) if result.out else None

    return do


def tally(created, there=0, failed=0):
    return {"created": created, "there": there, "failed": failed}


def right(people, user, code):
    return people.verifier("otp", "verify-user", user, stdin=line(code)).code == 0


# --- the list -------------------------------------------------------------------------------------


def test_list_with_owners_is_taken(people, imported):
    text = f"alice@bank, TOTP1, {HEX}, totp, 6, 30\nn/a, TOTP2, {HEX}, totp, 8, 60\n"
    assert imported(text)[1] == tally(2)
    assert imported(text)[1] == tally(0, there=2)
    assert right(people, "alice@bank", code_of_now())
    (nobodys,) = people.told("auditor", "otp", "list", "--serial", "TOTP2")["items"]
    assert (nobodys["digits"], nobodys["period"]) == (8, 60)


def test_list_without_owners_has_counters(people, imported):
    assert imported(f"token01, {HEX}, hotp, 6, 7\ntoken02, {HEX}, totp, 6\n")[1] == tally(2)
    (found,) = people.told("auditor", "otp", "list", "--serial", "token01")["items"]
    assert people.verifier("otp", "verify", found["id"], stdin=line(hotp(SECRET, 6))).code == 9
    assert people.verifier("otp", "verify", found["id"], stdin=line(hotp(SECRET, 7))).code == 0


def test_token_of_an_unknown_counter_is_refused(imported):
    """From zero on, what was used there would be right once more."""
    result, said = imported(f"alice@bank, OATH1, {HEX}, hotp, 6\n")
    assert (result.code, said) == (10, tally(0, failed=1))
    assert "line 1: the file has no counter for it; the database has" in result.err


def test_list_in_base32_and_of_another_hash_is_taken(people, imported):
    text = f"smith, john@bank, TOTP1, {BASE32}, totp, 6, 30\n"
    assert imported(text, "--algorithm", "SHA256")[1] == tally(1)
    assert not right(people, "smith, john@bank", wrong(code_of_now(hash_="sha256")))
    assert right(people, "smith, john@bank", code_of_now(hash_="sha256"))


@pytest.mark.parametrize(
    "bad",
    [
        "eve@bank, T, hunter2, totp, 6, 30",
        f"eve@bank, T, {'22' * 20}, totp, 6, 30",  # in either form
        f"eve@bank, T, {'AB' * 20}, totp, 6, 30",  # likewise
        f"eve@bank, T, {HEX}, totp, six, 30",
        f"eve@bank, T, {HEX}, totp, 6, ٣٠",
        f"eve@bank, T, {HEX}, totp, 5, 30",
        f"eve@bank, T, {HEX[:8]}, totp, 6, 30",
        f"eve@bank, T, {HEX}, sms, 6",
        "totp",
    ],
)
def test_line_that_is_none_keeps_nobody_else_out(imported, bad):
    result, said = imported(f"alice@bank, T1, {HEX}, totp, 6, 30\n{bad}\n")
    assert (result.code, said) == (10, tally(1, failed=1))
    assert result.err.startswith("line 2: ")
    assert HEX[:8] not in result.err
    assert "hunter2" not in result.err


# --- PSKC -----------------------------------------------------------------------------------------


def sealed(content):
    nonce, padding = os.urandom(16), 16 - len(content) % 16
    cipher = Cipher(algorithms.AES128(PSK), modes.CBC(nonce)).encryptor()
    return nonce + cipher.update(content + bytes([padding]) * padding)


def encrypted(content):
    method = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
    return (
        f'<xenc:encryptionmethod algorithm="{method}"></xenc:encryptionmethod><xenc:cipherdata>'
        f"<xenc:ciphervalue>{base64.b64encode(content).decode()}</xenc:ciphervalue>"
        "</xenc:cipherdata>"
    )


def export(*packages, mac_key=bytes(20)):
    return (
        '<keycontainer version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"'
        ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
        ' xmlns:xenc="http://www.w3.org/2001/04/xmlenc#">\n'
        "<encryptionkey><ds:keyname>Pre-shared-key</ds:keyname></encryptionkey>"
        '<macmethod algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1">'
        f"<mackey>{encrypted(sealed(mac_key))}</mackey></macmethod>"
        f"{''.join(packages)}</keycontainer>"
    )


def package(
    serial, kind, secret=SECRET, *, hash_="sha1", counter=0, step="30", drift="0", mac_key=bytes(20)
):
    content = sealed(secret)
    mac = base64.b64encode(hmac.digest(mac_key, content, hashlib.sha1)).decode()
    return (
        f"<keypackage><deviceinfo><manufacturer>A &amp; B</manufacturer><serialno>{serial}"
        f'</serialno></deviceinfo><key algorithm="urn:ietf:params:xml:ns:keyprov:pskc:{kind}"'
        f' id="{serial}"><issuer>privacyIDEA</issuer><algorithmparameters>'
        f'<responseformat encoding="DECIMAL" length="6"></responseformat>'
        f'<suite hashalgo="{hash_}"></suite></algorithmparameters><data><secret><encryptedvalue>'
        f"{encrypted(content)}</encryptedvalue><valuemac>{mac}</valuemac></secret>"
        f"<time><plainvalue>0</plainvalue></time><timeinterval><plainvalue>{step}</plainvalue>"
        f"</timeinterval><counter><plainvalue>{counter}</plainvalue></counter><timedrift>"
        f"<plainvalue>{drift}</plainvalue></timedrift></data></key></keypackage>"
    )


def test_export_of_its_own_is_taken_with_counters_and_hashes(people, imported):
    text = export(
        package("OATH1", "hotp", counter=9, step="0"),
        package("TOTP1", "totp", hash_="sha256", step="60", drift="-77"),
        package("TOTP2", "totp", step="None", drift="None"),
        package("PW1", "pw", b"a password"),
    )
    result, said = imported(text, key=PSK.hex())
    assert (result.code, said) == (10, tally(3, failed=1))
    assert "key 4: its algorithm is none of HOTP, TOTP and OCRA" in result.err
    listed = people.told("auditor", "otp", "list", "--imported")["items"]
    found = {each["serial"]: each for each in listed}
    assert (found["TOTP1"]["algorithm"], found["TOTP1"]["period"]) == ("SHA256", 60)
    assert (found["TOTP2"]["algorithm"], found["TOTP2"]["period"]) == ("SHA1", 30)
    for serial, code in (
        ("OATH1", hotp(SECRET, 9)), ("TOTP1", code_of_now(hash_="sha256", period=60)),
    ):  # fmt: skip
        words = ["otp", "verify", found[serial]["id"]]
        assert people.verifier(*words, stdin=line(code)).code == 0, serial
    assert imported(text, key=PSK.hex())[1] == tally(0, there=3, failed=1)


def test_export_that_was_altered_is_refused_as_a_whole(imported):
    good, bad = package("T1", "totp"), package("T2", "totp", mac_key=bytes(range(20)))
    result, said = imported(export(good, bad), key=PSK.hex())
    assert (result.code, said) == (2, None)
    assert "The PSKC file is refused" in result.err


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.removesuffix("</keycontainer>"),
        lambda text: re.sub("<keypackage>", "<keypackage><policy></policy>", text),
        lambda text: text.replace("<keycontainer", "<keycontainer what='ever'").upper().lower(),
        lambda text: text.replace("<encryptionkey>", "<!DOCTYPE x><encryptionkey>"),
        lambda text: text.replace("<time>", "<time>&amp;&x;"),
    ],
)
def test_what_is_no_such_export_is_refused(imported, server, change):
    result, _ = imported(change(export(package("T1", "totp"))), key=PSK.hex())
    assert result.code == 2
    assert "otp.import" not in server.asked


def test_export_needs_the_right_key(imported):
    text = export(package("T1", "totp"))
    without, wrong_one = imported(text)[0], imported(text, key="00" * 16)[0]
    assert (without.code, "--key-file" in without.err) == (2, True)
    assert (wrong_one.code, wrong_one.out) == (2, "")
