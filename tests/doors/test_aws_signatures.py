"""What a request says of its signature is taken in one spelling, or not at all."""

import pytest

from strongroom.domain import sigv4
from strongroom.domain.sensitive import Sensitive
from strongroom.doors.aws import canonical

SCOPE = "20260131/eu-central-1/kms/aws4_request"
HEADER = (
    f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{SCOPE}, SignedHeaders=host;x-amz-date,"
    f" Signature={'0a' * 32}"
)
QUERY = (
    f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F{SCOPE.replace('/', '%2F')}"
    f"&X-Amz-Date=20260131T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
    f"&X-Amz-Signature={'0a' * 32}"
)
DATE = ("x-amz-date", "20260131T120000Z")


def of_header(value, *more):
    headers = [("host", "h"), DATE, ("authorization", value), *more]
    return canonical.of_header(
        canonical.gathered([(name.encode(), text.encode()) for name, text in headers])
    )


def test_both_forms_say_the_same():
    signature = of_header(HEADER)
    said = signature.opening
    assert (said.access_key, said.region, said.service) == ("AKIDEXAMPLE", "eu-central-1", "kms")
    assert said.signed == ("host", "x-amz-date")
    assert said.scope == SCOPE
    assert signature.seconds == 1769860800
    presigned = canonical.of_query(QUERY)
    assert (presigned.opening.scope, presigned.expires_seconds) == (SCOPE, 60)
    assert presigned.opening.signed == ("host",)


def test_spaces_between_the_parts_and_their_order_are_the_clients_choice():
    for other in (HEADER.replace(", ", ","), HEADER.replace(", ", " ,  ")):
        assert of_header(other) == of_header(HEADER)
    algorithm, _, parts = HEADER.partition(" ")
    turned = ", ".join(reversed(parts.split(", ")))
    assert of_header(f"{algorithm} {turned}") == of_header(HEADER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("AWS4-HMAC-SHA256", "Bearer"),
        ("Credential=", "Credentials="),
        ("SignedHeaders=", "Signed="),
        ("Signature=", "Sig="),
        ("/aws4_request", ""),
        ("/aws4_request", "/aws3_request"),
        ("/aws4_request", "/aws4_request/more"),
        ("20260131/", "20260132/"),
        ("20260131/", "20260201/"),
        ("eu-central-1", "EU"),
        ("eu-central-1", ""),
        ("/kms/", "//"),
        ("AKIDEXAMPLE", ""),
        ("AKIDEXAMPLE", "A" * 129),
        ("AKIDEXAMPLE", "AKID\N{COMBINING ACUTE ACCENT}"),
        ("0a0a", "0A0A"),
        ("0a0a", "0a"),
        ("host;x-amz-date", "x-amz-date;host"),
        ("host;x-amz-date", "host;host;x-amz-date"),
        ("host;x-amz-date", "Host;X-Amz-Date"),
        ("host;x-amz-date", ""),
        ("host;x-amz-date", ";".join(f"h{number:03d}" for number in range(65))),
        (", SignedHeaders", ", Credential=x, SignedHeaders"),
    ],
)
def test_anything_else_in_the_header_is_refused(old, new):
    assert old in HEADER
    with pytest.raises(sigv4.NotSignedError):
        of_header(HEADER.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("X-Amz-Credential", "X-Amz-Credentials"),
        ("X-Amz-Date=", "X-Amz-Day="),
        ("X-Amz-Expires=60", "X-Amz-Expires=0"),
        ("X-Amz-Expires=60", "X-Amz-Expires=-1"),
        ("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        ("X-Amz-Expires=60", "X-Amz-Expires=\N{FULLWIDTH DIGIT SIX}"),
        ("X-Amz-Expires=60", "X-Amz-Expires="),
        ("X-Amz-Expires=60&", ""),
        ("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=60"),
        ("T120000Z", "T1200Z"),
        ("0a0a", "0g0a"),
    ],
)
def test_anything_else_in_the_query_is_refused(old, new):
    assert old in QUERY
    with pytest.raises(sigv4.NotSignedError):
        canonical.of_query(QUERY.replace(old, new, 1))


@pytest.mark.parametrize("name", ["authorization", "x-amz-date", "x-amz-security-token"])
def test_a_header_that_is_there_twice_is_refused(name):
    value = dict([DATE, ("authorization", HEADER)]).get(name, "t")
    more = [(name, value)] * (2 if name == "x-amz-security-token" else 1)
    with pytest.raises(sigv4.NotSignedError, match="twice"):
        of_header(HEADER, *more)


def test_nothing_at_all_is_no_signature():
    with pytest.raises(sigv4.NotSignedError):
        canonical.of_header(canonical.gathered([]))
    with pytest.raises(sigv4.NotSignedError):
        canonical.of_query("")


def test_nothing_is_remembered_of_another_schemes_secret(monkeypatch):
    """Who calls this door as the native one has a token there."""
    monkeypatch.setattr(canonical, "_usual", None)
    headers = canonical.Headers({b"authorization": b"Bearer " + b"t" * 200})
    with pytest.raises(sigv4.NotSignedError, match="does not begin with AWS4-HMAC-SHA256"):
        canonical.of_header(headers)


def test_a_day_that_never_was_is_no_time():
    header = HEADER.replace("20260131", "20260231")
    headers = {b"authorization": header.encode(), b"x-amz-date": b"20260231T120000Z"}
    signature = canonical.of_header(canonical.Headers(headers))
    with pytest.raises(sigv4.NotSignedError):
        _ = signature.seconds


def test_key_of_a_day_is_the_documented_one():
    """AWS, "Deriving a signing key": the example of the documentation."""
    secret = Sensitive(b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    key = sigv4.signing_key(secret, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
