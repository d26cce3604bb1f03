"""Protected values: MACs and their keys, numbers that are encrypted, parameters of RSA-OAEP."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from strongroom.domain.sensitive import Sensitive
from strongroom.pskc import ciphers, errors, limits, locks
from strongroom.pskc.sealing import Sealing
from tests.support.pskc import container, package, read

_KEY = bytes(range(32))
_SHARED = locks.PreSharedKey(Sensitive(_KEY))
_PAIR = rsa.generate_private_key(65537, 2048)
_CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
_MAC = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"


def base64_of(value):
    return base64.b64encode(value).decode()


def encrypted(sealed, method):
    return (
        f"<EncryptedValue>{method}<xenc:CipherData><xenc:CipherValue>{base64_of(sealed)}"
        "</xenc:CipherValue></xenc:CipherData></EncryptedValue>"
    )


def under_aes(plain, mac_key=_KEY):
    """A value under the shared key, with its MAC."""
    sealed = ciphers.seal_cbc(_KEY, b"vector of 16 b..", plain)
    mac = base64_of(ciphers.mac(mac_key, "sha256", sealed))
    method = f'<xenc:EncryptionMethod Algorithm="{_CBC}"/>'
    return f"{encrypted(sealed, method)}<ValueMAC>{mac}</ValueMAC>"


def mac_method(inner=""):
    return f'<MACMethod Algorithm="{_MAC}">{inner}</MACMethod>'


def test_a_mac_without_a_key_of_its_own_is_made_with_the_encryption_key():
    data = f"<Secret>{under_aes(b's' * 20)}</Secret>"
    (key,) = read(container(mac_method() + package(data=data)), _SHARED)
    assert key.secret.reveal() == b"s" * 20


def test_a_mac_whose_key_is_elsewhere_is_refused():
    data = f"<Secret>{under_aes(b's' * 20)}</Secret>"
    heading = mac_method("<MACKeyReference>K</MACKeyReference>")
    with pytest.raises(errors.UnsupportedError):
        read(container(heading + package(data=data)), _SHARED)


def test_a_bad_mac_key_fails_where_a_bad_mac_does():
    """Whoever may try files and see the errors learns nothing of the padding of a ciphertext."""
    data = f"<Secret>{under_aes(b's' * 20)}</Secret>"
    words = set()
    for wrong in (b"", b"short", b"x" * 32, b"x" * 200):
        sealed = ciphers.seal_cbc(_KEY, bytes(16), wrong)
        for damaged in (sealed, sealed[:-1] + bytes([sealed[-1] ^ 1])):
            value = encrypted(damaged, f'<xenc:EncryptionMethod Algorithm="{_CBC}"/>')
            heading = mac_method(value.replace("EncryptedValue", "MACKey"))
            with pytest.raises(errors.NotAuthenticError) as caught:
                read(container(heading + package(data=data)), _SHARED)
            words.add(str(caught.value))
    assert len(words) == 1


@pytest.mark.parametrize(
    ("name", "content", "value"),
    [
        ("Counter", (300).to_bytes(8, "big"), 300),
        ("Counter", (300).to_bytes(2, "big"), 300),
        ("Counter", bytes(8), 0),
        ("TimeInterval", (60).to_bytes(4, "big"), 60),
        ("TimeInterval", b"\x1e", 30),
        ("TimeDrift", b"\xfd", 253),
        ("TimeDrift", b"\xff\xff\xff\xfd", -3),
    ],
)
def test_encrypted_numbers_are_bytes(name, content, value):
    data = f"<{name}>{under_aes(content)}</{name}>"
    (key,) = read(container(mac_method() + package(data=data)), _SHARED)
    assert value in (key.counter, key.interval, key.drift)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Counter", b"12345678"),  # as bytes it would be another number
        ("TimeInterval", b"3600"),
        ("Counter", b"0"),  # or 48
        ("Counter", b""),
        ("Counter", bytes(9)),
        ("Counter", b"\xff" * 8),
        ("TimeInterval", bytes(4)),
    ],
)
def test_encrypted_numbers_that_could_be_two_or_none_are_refused(name, content):
    data = f"<{name}>{under_aes(content)}</{name}>"
    with pytest.raises(errors.MalformedError):
        read(container(mac_method() + package(data=data)), _SHARED)


def test_a_mac_of_a_number_is_checked_too():
    data = f"<Counter>{under_aes(b'count', mac_key=bytes(32))}</Counter>"
    with pytest.raises(errors.NotAuthenticError):
        read(container(mac_method() + package(data=data)), _SHARED)


@pytest.mark.parametrize("length", [0, limits.SECRET_BYTES_MAX + 1])
def test_a_protected_secret_has_bounds_too(length):
    data = f"<Secret>{under_aes(bytes(length))}</Secret>"
    with pytest.raises(errors.MalformedError):
        read(container(mac_method() + package(data=data)), _SHARED)


def under_rsa(method, digest, mask):
    how = padding.OAEP(padding.MGF1(mask()), digest(), None)
    sealed = _PAIR.public_key().encrypt(b"s" * 20, how)
    return container(package(data=f"<Secret>{encrypted(sealed, method)}</Secret>"))


def oaep(name, inner):
    return f'<xenc:EncryptionMethod Algorithm="{name}">{inner}</xenc:EncryptionMethod>'


_MGF1P = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
_OAEP_11 = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
_SHA256 = '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
_MGF_512 = '<xenc11:MGF Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha512"/>'


@pytest.mark.parametrize(
    ("method", "digest", "mask"),
    [
        (oaep(_MGF1P, ""), hashes.SHA1, hashes.SHA1),
        (oaep(_MGF1P, _SHA256), hashes.SHA256, hashes.SHA1),
        (oaep(_OAEP_11, _SHA256 + _MGF_512), hashes.SHA256, hashes.SHA512),
        (oaep(_OAEP_11, ""), hashes.SHA1, hashes.SHA1),
    ],
)
def test_rsa_oaep_with_its_parameters(method, digest, mask):
    (key,) = read(under_rsa(method, digest, mask), locks.PrivateKey(_PAIR))
    assert key.secret.reveal() == b"s" * 20


@pytest.mark.parametrize(
    "inner",
    [
        "<xenc:OAEPparams>bGFiZWw=</xenc:OAEPparams>",
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#md5"/>',
        '<xenc11:MGF Algorithm="urn:example"/>',
    ],
)
def test_rsa_oaep_with_others_is_refused(inner):
    document = under_rsa(oaep(_OAEP_11, inner), hashes.SHA1, hashes.SHA1)
    with pytest.raises(errors.UnsupportedError):
        read(document, locks.PrivateKey(_PAIR))


def test_a_password_of_another_kind_of_file_is_refused():
    password = locks.Password(Sensitive(b"a password of no file"))
    heading = Sealing(_SHARED).heading
    with pytest.raises(errors.LockedError, match="not made from a password"):
        read(container(heading + package()), password)
    derived = Sealing(password).heading
    more = ' xmlns:pkcs5="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#"'
    for other in (_SHARED, locks.PrivateKey(_PAIR)):
        with pytest.raises(errors.LockedError, match="give the password"):
            read(container(derived + package(), more=more), other)
