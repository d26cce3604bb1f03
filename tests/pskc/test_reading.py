"""What is read of a PSKC file, and what is refused: see docs/formats/pskc.md."""

import io

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from strongroom.domain import times
from strongroom.domain.sensitive import Sensitive
from strongroom.pskc import errors, limits, locks, reading
from strongroom.pskc.key_info import Kind
from strongroom.pskc.keys import PINPolicy, PINUse, Profile, Usage
from tests.support.pskc import container, package, policy, read


def refused(document, error=errors.MalformedError, unlock=None):
    with pytest.raises(errors.PSKCError) as caught:
        read(document, unlock)
    assert caught.type is error
    return str(caught.value)


def test_a_key_says_all_that_the_document_says():
    parameters = (
        '<AlgorithmParameters><Suite>S</Suite><ChallengeFormat Encoding="DECIMAL" Min="4" Max="8"'
        ' CheckDigits="true"/><ResponseFormat Length="8" Encoding="DECIMAL" CheckDigits="1"/>'
        "</AlgorithmParameters>"
    )
    (key,) = read(
        container(
            package(
                f"<Issuer>I &amp; Co</Issuer>{parameters}<KeyProfileId>p</KeyProfileId>"
                "<FriendlyName>Name</FriendlyName><FriendlyName>Nom</FriendlyName>"
                "<UserId>UID=k</UserId>",
                algorithm="totp",
                data="<Time><PlainValue>5</PlainValue></Time><TimeInterval><PlainValue>60"
                "</PlainValue></TimeInterval><TimeDrift><PlainValue>-2</PlainValue></TimeDrift>",
                device="<Manufacturer>oath.M</Manufacturer><Model>X</Model><UserId>d</UserId>",
            )
        )
    )
    assert key.profile is Profile.TOTP
    assert (key.issuer, key.friendly_name, key.user) == ("I & Co", "Name", "UID=k")
    assert (key.device.manufacturer, key.device.model, key.device.user) == ("oath.M", "X", "d")
    assert (key.time, key.interval, key.drift, key.counter) == (5, 60, -2, None)
    assert (key.suite, key.digits, key.check_digits) == ("S", 8, True)
    assert (key.challenge.length_min, key.challenge.length_max) == (4, 8)
    assert key.secret is None


def test_an_algorithm_may_be_spelt_as_in_the_drafts_or_be_unknown():
    spelt = package().replace("pskc:hotp", "pskc#totp")
    assert read(container(spelt))[0].profile is Profile.TOTP
    (key,) = read(container(package(algorithm="other")))
    assert key.profile is None
    assert key.secret.reveal() == b"0123456789abcdef"


def test_policies_are_read():
    (key,) = read(
        policy(
            "<StartDate>2026-01-01T00:00:00Z</StartDate><ExpiryDate>2027-01-01T02:00:00+02:00"
            '</ExpiryDate><PINPolicy PINKeyId="2" PINUsageMode="Local" MaxFailedAttempts="3"'
            ' MinLength="4" MaxLength="8" PINEncoding="DECIMAL"/><KeyUsage>OTP</KeyUsage>'
            "<KeyUsage>CR</KeyUsage><NumberOfTransactions>9</NumberOfTransactions>"
        )
    )
    found = key.policy
    assert found.understood
    assert found.start_us == times.microseconds("2026-01-01T00:00:00Z")
    assert found.expiry_us == times.microseconds("2027-01-01T00:00:00Z")
    assert found.usages == (Usage.OTP, Usage.CR)
    assert found.transactions_max == 9
    assert found.pin == PINPolicy(
        use=PINUse.LOCAL, key="2", failures_max=3, length_min=4, length_max=8, encoding="DECIMAL"
    )


@pytest.mark.parametrize(
    "rules",
    [
        "<Unknown/>",
        '<x:Rule xmlns:x="urn:example"/>',
        "<KeyUsage>Fly</KeyUsage>",
        "<StartDate>tomorrow</StartDate>",
        "<ExpiryDate>2026-01-01T00:00:00</ExpiryDate>",  # of which zone?
        "<StartDate/>",
        '<PINPolicy PINUsageMode="Loud"/>',
        '<PINPolicy Other="1"/>',
        "<PINPolicy><Rule/></PINPolicy>",
        "<NumberOfTransactions>-1</NumberOfTransactions>",
        "<ExpiryDate>2027-01-01T00:00:00Z</ExpiryDate><ExpiryDate>2037-01-01T00:00:00Z</ExpiryDate>",
        "only on Sundays",
    ],
)
def test_a_policy_that_is_not_understood_withholds_the_secret(rules):
    """RFC 6030, 5: the recipient must assume that key usage is not permitted."""
    (key,) = read(policy(rules))
    assert not key.policy.understood
    assert key.secret is None


@pytest.mark.parametrize(
    "body",
    [
        "",  # no package
        "<Other/>",
        "text" + package(),
        package("<Other/>"),
        package("<Issuer>a</Issuer><Issuer>b</Issuer>"),
        package("<Issuer><b/></Issuer>"),
        package('<x:Issuer xmlns:x="urn:example">a</x:Issuer>'),
        package(key_id=""),
        package(data="<Secret/>"),
        package(data="<Counter><PlainValue>one</PlainValue></Counter>"),
        package(data="<Counter><PlainValue>-1</PlainValue></Counter>"),
        package(data="<Counter><PlainValue>9223372036854775808</PlainValue></Counter>"),
        package(data="<Counter><PlainValue>٣</PlainValue></Counter>"),
        package(data="<Secret><PlainValue>MDEy\u00a0MzQ1</PlainValue></Secret>"),
        package(data="<Secret><PlainValue>MDEyMzQ1</PlainValue><ValueMAC>MDEy</ValueMAC></Secret>"),
        package(data=f"<Secret><PlainValue>{'MDEy' * 43}</PlainValue></Secret>"),  # 129 bytes
        package() + package(),
        package() + "<EncryptionKey/>",
        "<MACMethod/><MACMethod/>" + package(),
        package(f"<Issuer>{'x' * (limits.TEXT_CHARACTERS_MAX + 1)}</Issuer>"),
    ],
)
def test_what_is_not_as_rfc_6030_has_it_is_refused(body):
    refused(container(body))


def test_a_message_has_nothing_of_the_file_in_it():
    for body in (
        package("<Marker>marker</Marker>"),
        package(data="<Secret><PlainValue>m-a-r-k-e-r</PlainValue></Secret>"),
        package(data="<Counter><PlainValue>marker</PlainValue></Counter>"),
        package("<marker") + "marker",
    ):
        assert "marker" not in refused(container(body)).lower()


def test_other_encodings_are_refused_and_the_mark_of_utf8_is_not():
    document = container(package("<Issuer>é</Issuer>"))
    declared = '<?xml version="1.0" encoding="{}"?>' + document
    assert "UTF-8" in refused(
        declared.format("ISO-8859-1").encode("latin-1"), errors.UnsupportedError
    )
    refused(declared.format("UTF-16").encode("utf-16"), errors.UnsupportedError)
    refused(document.encode("utf-16"), errors.UnsupportedError)
    refused(document.encode("utf-16-le"), errors.UnsupportedError)
    refused(document.encode("utf-16-be"), errors.UnsupportedError)
    refused(declared.format("UTF-8").encode("latin-1"))
    refused(declared.format("marker-13").encode(), errors.UnsupportedError)
    assert read(b"\xef\xbb\xbf" + document.encode())[0].issuer == "é"


@pytest.mark.parametrize("what", ["depth", "elements", "characters", "attribute", "comment"])
def test_a_document_that_grows_without_end_is_refused_early(what):
    """Each is endless. What was read when it is refused is little more than the limit."""
    endless = {
        "depth": ("<Extensions>", "<a>"),
        "elements": ("<Extensions>", "<a/>"),
        "characters": ("<Extensions>", "x" * 100),
        "attribute": ('<Extensions a="', "x" * 100),
        "comment": ("<!--", "x" * 100),
    }[what]
    stream = _Endless((container("|").partition("|")[0] + endless[0]).encode(), endless[1].encode())
    with pytest.raises(errors.MalformedError):
        next(reading.read(stream))
    assert stream.taken <= 4 * limits.TOKEN_BYTES_MAX


class _Endless:
    def __init__(self, first, then):
        self._waiting = first
        self._then = then
        self.taken = 0

    def read(self, size):
        while len(self._waiting) < size:
            self._waiting += self._then * (size // len(self._then) + 1)
        content, self._waiting = self._waiting[:size], self._waiting[size:]
        self.taken += size
        return content


def test_a_file_that_was_changed_between_the_passes_is_noticed():
    document = container(package()).encode()
    surveyed = reading.survey(io.BytesIO(document))
    assert (surveyed.keys, surveyed.size_bytes) == (1, len(document))
    assert len(read(document, surveyed=surveyed)) == 1
    other = document.replace(b"MDEyMzQ1", b"MDEyMzQ2")
    with pytest.raises(errors.MalformedError, match="changed"):
        read(other, surveyed=surveyed)


def test_the_reader_says_how_far_it_is():
    packages = "".join(package(key_id=str(number)) for number in range(2_000))
    document = container(packages).encode()
    reader = reading.read(io.BytesIO(document))
    ids, positions = [], []
    for key in reader:
        ids.append(key.id)
        positions.append(reader.consumed)
    assert ids == [str(number) for number in range(2_000)]
    assert positions == sorted(positions)
    assert positions[0] <= 2 * limits.CHUNK_BYTES
    assert reader.consumed == len(document)
    assert reader.keys == 2_000


def test_a_signed_file_is_refused_unless_the_signature_is_ignored():
    signed = container(package() + "<ds:Signature><ds:SignedInfo/></ds:Signature>")
    assert "signed" in refused(signed, errors.UnsupportedError)
    assert len(read(signed, ignore_signature=True)) == 1


def test_secrets_in_the_open_are_refused_where_a_key_was_given():
    """Else who cannot encrypt with the key could put secrets of their own in the file's place."""
    unlock = locks.PreSharedKey(Sensitive(bytes(16)))
    refused(container(package()), errors.UnprotectedError, unlock)


def test_what_opens_a_file_is_known_before_it_is_opened():
    def wanted(heading):
        return reading.wanted(io.BytesIO(container(heading + package()).encode()))

    named = wanted("<EncryptionKey><ds:KeyName>K</ds:KeyName></EncryptionKey>")
    assert (named.kind, named.name) == (Kind.PRE_SHARED, "K")
    assert wanted("").kind is Kind.NOTHING
    issuer = "<ds:X509Data><ds:X509SubjectName>CN=x</ds:X509SubjectName></ds:X509Data>"
    assert wanted(f"<EncryptionKey>{issuer}</EncryptionKey>").kind is Kind.PRIVATE


def test_triple_des_and_unknown_ciphers_are_refused_by_name():
    data = (
        "<Secret><EncryptedValue><xenc:EncryptionMethod Algorithm="
        '"http://www.w3.org/2001/04/xmlenc#{}"/><xenc:CipherData><xenc:CipherValue>'
        "MDEyMzQ1Njc4OWFiY2RlZg==</xenc:CipherValue></xenc:CipherData></EncryptedValue></Secret>"
    )
    unlock = locks.PreSharedKey(Sensitive(bytes(24)))
    for cipher in ("tripledes-cbc", "kw-tripledes", "aes256-gcm", "marker"):
        words = refused(
            container(package(data=data.format(cipher))), errors.UnsupportedError, unlock
        )
        assert "none of AES-CBC" in words
    # A key of another length is not tried.
    words = refused(container(package(data=data.format("kw-aes256"))), errors.LockedError, unlock)
    assert "256 bits" in words
    words = refused(container(package(data=data.format("rsa-1_5"))), errors.LockedError, unlock)
    assert "private key" in words


def test_a_file_for_another_key_pair_is_not_opened_as_random_secrets(tmp_path):
    """With RSA-1.5 a wrong key gives bytes, and no error: so the keys are compared before."""
    vectors = "tests/vectors/data/otp/pskc/own-rsa-1_5.xml"
    other = locks.PrivateKey(rsa.generate_private_key(65537, 2048))
    with open(vectors, "rb") as file, pytest.raises(errors.LockedError, match="another key"):
        list(reading.read(file, other))


@pytest.mark.parametrize("text", ["", "00", "zz" * 16, "00" * 20, "marker"])
def test_a_pre_shared_key_that_is_none_is_refused_without_being_shown(text):
    with pytest.raises(errors.LockedError) as caught:
        locks.pre_shared_key(Sensitive(text.encode()))
    assert "marker" not in str(caught.value)


@pytest.mark.parametrize("pem", [b"", b"marker", b"-----BEGIN PRIVATE KEY-----\nmarker"])
def test_a_key_file_that_is_none_is_refused_without_being_shown(pem):
    for load in (locks.public_key, lambda content: locks.private_key(Sensitive(content))):
        with pytest.raises(errors.LockedError) as caught:
            load(pem)
        assert "marker" not in str(caught.value)
