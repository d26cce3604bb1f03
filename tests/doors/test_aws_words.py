"""What a custodian says is said in AWS's words."""

import ast
import json
import time

import pytest

from strongroom.domain import sigv4
from strongroom.domain.calls import Reply
from strongroom.domain.errors import InvalidRequest, KeyNotUsable
from strongroom.doors.aws import words
from strongroom.doors.aws.door import AWSDoor
from strongroom.doors.aws.errors import NAMES
from tests.support.desks import at_once
from tests.support.native_words import native_words
from tests.support.tree import ROOT


class Refusing:
    """A custodian that takes no signature."""

    def __init__(self, why):
        self._reply = Reply(code="unauthenticated", detail=why)

    async def ask(self, call):
        del call
        return self._reply


def said(why, *, signed_seconds_ago=0, expires=0, **settings):
    """The error of a request whose signature a custodian refuses."""
    date = sigv4.spell_time(time.time() - signed_seconds_ago)
    names = "content-type;host;x-amz-date;x-amz-target"
    headers = {
        "host": "h", "content-type": "application/x-amz-json-1.1", "x-amz-date": date,
        "x-amz-target": "TrentService.ListKeys",
        "authorization": f"AWS4-HMAC-SHA256 Credential=SRAKAAAAAAAAAAAAAAAA/{date[:8]}/eu-west-1"
        f"/kms/aws4_request, SignedHeaders={names}, Signature={'0' * 64}",
    }  # fmt: skip
    query = ""
    if expires:
        del headers["authorization"], headers["x-amz-date"]
        query = (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=SRAKAAAAAAAAAAAAAAAA"
            f"/{date[:8]}/eu-west-1/kms/aws4_request&X-Amz-Date={date}&X-Amz-Expires={expires}"
            f"&X-Amz-SignedHeaders=content-type;host;x-amz-target&X-Amz-Signature={'0' * 64}"
        )
    scope = {
        "type": "http", "method": "POST", "raw_path": b"/", "query_string": query.encode(),
        "client": None,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"{}"}

    async def send(message):
        sent.append(message)

    def quiet(*_):
        pass

    at_once(AWSDoor(Refusing(why), observe=quiet, log=quiet, **settings)(scope, receive, send))
    assert sent[0]["status"] == 400
    error = json.loads(sent[1]["body"])
    return error["__type"], error["message"]


def test_a_session_that_is_over_is_said_to_be():
    assert said(sigv4.SESSION_ENDED) == (
        "ExpiredTokenException", "The security token included in the request is expired",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ago", "seconds", "first", "last"),
    [
        (301, 300, "Signature expired: ", " - 5 min.)"),
        (91, 90, "Signature expired: ", " - 1.5 min.)"),
        (-301, 300, "Signature not yet current: ", " + 5 min.)"),
    ],
)
def test_a_clock_that_is_wrong_is_told_by_how_much_it_may_be(ago, seconds, first, last):
    code, message = said(sigv4.EXPIRED, signed_seconds_ago=ago, signature_seconds=seconds)
    assert code == "InvalidSignatureException"
    assert message.startswith(first)
    assert message.endswith(last)


def test_a_presigned_request_that_is_too_old_is_told_its_own_time():
    code, message = said(sigv4.EXPIRED, signed_seconds_ago=100, expires=90)
    assert code == "InvalidSignatureException"
    assert message.endswith(" - 1.5 min.)")
    signed, bound = message.split()[2], message.split()[7]
    assert signed < bound, message


# --- of keys --------------------------------------------------------------------------------------

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def ours():
    """All texts of ours that could be a refusal's, with a 7 for whatever is put into them."""
    for layer in ("services", "domain", "adapters"):
        for path in (ROOT / "src/strongroom" / layer).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(getattr(part, "value", "7") if isinstance(part, ast.Constant)
                                  else "7" for part in node.values)  # fmt: skip
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_no_sentence_is_about_what_nobody_says():
    texts = set(ours())
    for pattern, _ in words._TABLE:
        assert any(pattern.fullmatch(text) for text in texts), pattern.pattern


def said_by(tree, *, in_raise):
    """The texts of several words in a module, without what describes it."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)] if in_raise else [tree]
    described = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and isinstance(node.body[0], ast.Expr)
    }
    for node in (one for top in found for one in ast.walk(top)):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and " " in text and id(node) not in described:
            yield text


def test_what_the_door_itself_says_has_no_words_of_ours():
    source, texts = ROOT / "src/strongroom", []
    for path in (source / "doors/aws").glob("*.py"):
        if path.name != "words.py":
            texts += said_by(ast.parse(path.read_text()), in_raise=False)
    for path in [*(source / "domain/iam").glob("*.py"), source / "domain/sigv4.py"]:
        if path.name != "asks.py":  # what they say, no door but ours does
            texts += said_by(ast.parse(path.read_text()), in_raise=True)
    assert len(texts) > 100
    assert not [text for text in texts if native_words(text)]


def of_keys(code, detail):
    return words.said(Reply(code=code, detail=detail), ARN, "Encrypt")


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        ("rsa-oaep-sha1 is not on the approved profile, to which this namespace keeps",
         "RSAES_OAEP_SHA_1 is not among the approved algorithms, to which this account keeps."),
        ("ec-secp256k1 is not on the approved profile, to which this namespace keeps",
         "ECC_SECG_P256K1 is not among the approved algorithms, to which this account keeps."),
        ("hmac-sha1 is not on the approved profile, to which this namespace keeps",
         "The algorithm is not among the approved algorithms, to which this account keeps."),
        ("Sign does not go with a key of rsa-2048 for decrypt",
         "Sign does not go with a key of the KeySpec RSA_2048 and the KeyUsage ENCRYPT_DECRYPT."),
        ("the key needs these names in the context: mac, aes-256-gcm",
         f"{ARN} needs these keys in the EncryptionContext: mac, aes-256-gcm."),
        ("the key is not for key.encrypt: key.decrypt only", f"{ARN} is not for Encrypt."),
        ("what nobody knows here: key_version", "The request is not valid."),
    ],
    ids=lambda value: value[:30],
)  # fmt: skip
def test_what_is_said_of_a_key_is_in_awss_words(detail, sentence):
    assert of_keys(InvalidRequest.code, detail) == sentence


def test_what_is_in_no_table_is_not_shown():
    assert of_keys(KeyNotUsable.code, "version 3 of the key is suspended") == (
        f"{ARN} is not in a state that allows this."
    )
    for code in NAMES:
        assert "secret" not in of_keys(code, "secret")
        assert not native_words(of_keys(code, "secret"))


def test_no_sentence_has_words_of_ours():
    for _, sentence in words._TABLE:
        filled = sentence.format(arn=ARN, operation="Encrypt", text="7", name="RSA", usage="MAC")
        assert not native_words(filled), filled


@pytest.mark.parametrize(
    "text",
    ["$.policy", "leave key_version out", "version 3 of the key", "only keys of aes-256-gcm",
     "the key is suspended", "for sign-verify", "key.encrypt only", "a context has",
     "the namespace", "by rsa-oaep-sha1", "schedule-destruction", "key is deactivated"],
)  # fmt: skip
def test_words_of_ours_are_known(text):
    assert native_words(text)


@pytest.mark.parametrize(
    "text",
    [f"{ARN} is disabled.", "Value 'key_version' at 'keyId'", "An encryption context has 64 pairs",
     "kms:EncryptionContext", "Alias alias/my_label is not found", "a KeyUsage value for all"],
)  # fmt: skip
def test_words_of_awss_and_names_are_none_of_ours(text):
    assert not native_words(text)
