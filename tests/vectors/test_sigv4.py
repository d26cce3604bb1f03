"""Signature Version 4 against vectors of who signs (data/sigv4/README.md), and what is wrong."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from strongroom.domain import sigv4
from strongroom.domain.keyed import KeyedHash
from strongroom.domain.sensitive import Sensitive
from strongroom.doors.aws import canonical

_DATA = Path(__file__).parent / "data" / "sigv4"
_CASES = sorted(path for path in (_DATA / "v4").iterdir())
_EMPTY = hashlib.sha256(b"").hexdigest()


class Request:
    """A request as text: what a server gets."""

    def __init__(self, text):
        head, _, self.body = text.replace("\r\n", "\n").partition("\n\n")
        first, *lines = head.split("\n")
        self.method, target = first.split(" ", 1)
        target = target.removesuffix(" HTTP/1.1")
        self.path, _, self.query = target.partition("?")
        self.headers = []
        for line in lines:
            if line.startswith(" "):  # goes on, as RFC 7230 let it
                name, value = self.headers.pop()
                self.headers.append((name, f"{value}\n{line}"))
            elif line:
                name, _, value = line.partition(":")
                self.headers.append((name.lower(), value))

    @property
    def gathered(self):
        return canonical.gathered(
            [(name.encode("latin-1"), value.encode()) for name, value in self.headers]
        )

    def signature(self, *, presigned):
        if presigned:
            return canonical.of_query(self.query)
        return canonical.of_header(self.gathered)


def context_of(case):
    return json.loads((case / "context.json").read_text())


def secret_of(case):
    return Sensitive(context_of(case)["credentials"]["secret_access_key"].encode())


def is_of(signature, secret):
    of = signature.opening
    key = sigv4.signing_key(secret, of.date, of.region, of.service)
    return signature.is_by(KeyedHash(key, "sha256"))


def opened_as(signature, **other):
    opening = msgspec.structs.replace(signature.opening, **other)
    return msgspec.structs.replace(signature, opening=opening)


def spelled(case, request, signature):
    query = request.query
    if context_of(case).get("omit_session_token"):
        # Some services have it added after signing: then it is in no canonical request.
        query = "&".join(
            pair for pair in query.split("&") if not pair.startswith("X-Amz-Security-Token")
        )
    content = hashlib.sha256(request.body.encode()).hexdigest()
    return canonical.canonical_request(
        request.method, request.path, query, request.gathered, signature.opening.signed,
        content, normalize=context_of(case)["normalize"],
    )  # fmt: skip


def digested(signature, canonical_request):
    return msgspec.structs.replace(signature, digest=canonical.digest(canonical_request))


def read(case, form, *, presigned):
    request = Request((case / f"{form}-signed-request.txt").read_bytes().decode())
    return request, request.signature(presigned=presigned)


@pytest.mark.parametrize("form", ["header", "query"])
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_signed_request_is_right_and_with_anything_else_it_is_not(case, form):
    request, signature = read(case, form, presigned=form == "query")
    found = spelled(case, request, signature)
    assert found == (case / f"{form}-canonical-request.txt").read_bytes().replace(b"\r\n", b"\n")
    signature = digested(signature, found)
    assert signature.string_to_sign == (case / f"{form}-string-to-sign.txt").read_text()
    assert is_of(signature, secret_of(case))
    # One thing else each time.
    replace = msgspec.structs.replace
    assert not is_of(signature, Sensitive(b"another secret"))
    assert not is_of(replace(signature, digest=_EMPTY), secret_of(case))
    assert not is_of(opened_as(signature, region="eu-west-1"), secret_of(case))
    assert not is_of(opened_as(signature, service="s3"), secret_of(case))
    assert not is_of(opened_as(signature, date="20150831"), secret_of(case))
    assert not is_of(replace(signature, time="20150830T123601Z"), secret_of(case))
    assert not is_of(replace(signature, signature="0" * 64), secret_of(case))


@pytest.mark.parametrize("form", ["header", "query"])
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_another_request_under_the_same_signature_is_refused(case, form):
    request, signature = read(case, form, presigned=form == "query")

    def holds():
        return is_of(digested(signature, spelled(case, request, signature)), secret_of(case))

    assert holds()
    kept = request.headers
    for position, (name, value) in enumerate(kept):
        if name in signature.opening.signed:
            request.headers = [*kept[:position], (name, value + "x"), *kept[position + 1 :]]
            assert not holds()
    request.headers = [*kept, ("host", "another.example")]
    assert not holds()
    request.headers = kept
    request.query, query = f"{request.query}&more=1" if request.query else "more=1", request.query
    assert not holds()
    request.query = query
    request.path += "more"
    assert not holds()
    request.path = request.path.removesuffix("more")
    request.body += " "
    assert not holds()


@pytest.mark.parametrize("form", ["header", "query"])
@pytest.mark.parametrize("case", sorted((_DATA / "v4a").iterdir()), ids=lambda case: case.name)
def test_asymmetric_signatures_are_another_scheme_and_none_of_ours(case, form):
    path = case / f"{form}-signed-request.txt"
    request = Request(path.read_bytes().decode())
    with pytest.raises(sigv4.NotSignedError):
        request.signature(presigned=form == "query")
