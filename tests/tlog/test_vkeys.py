"""Public keys' texts."""

import pytest

from strongroom.tlog import vkeys
from strongroom.tlog.errors import VKeyError
from strongroom.tlog.vkeys import PUBLIC_BYTES, Algorithm, VKey
from tests.support.logs import refused

# c2sp.org/signed-note
TEXT = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
MALFORMED = "this is not a public key that notes are signed with"


def test_a_key_is_read_as_it_is_printed():
    vkey = vkeys.parse(TEXT)
    assert (vkey.name, vkey.algorithm) == ("example.com/foo", Algorithm.ED25519)
    assert vkey.key_id.hex() == "530d903a"
    assert str(vkey) == TEXT


@pytest.mark.parametrize("algorithm", Algorithm)
def test_keys_of_every_kind_are_read_as_they_are_printed(algorithm):
    # A name as long as one may be, and base 64 that has a plus in it.
    vkey = VKey("n" * 255, algorithm, b"\xfb" * PUBLIC_BYTES[algorithm])
    assert vkeys.parse(str(vkey)) == vkey
    assert "+" in str(vkey).split("+", 2)[2]


def test_a_name_is_bounded_in_bytes():
    name = "\u00fc" * 127 + "n"
    vkey = VKey(name, Algorithm.ED25519, b"k" * 32)
    assert vkeys.parse(str(vkey)).name == name


def test_the_same_key_has_another_id_for_another_use_or_name():
    ids = {VKey(n, a, b"k" * 32).key_id for n in "ab" for a in (Algorithm(1), Algorithm(4))}
    assert len(ids) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        TEXT + "\n",
        TEXT + "A",
        TEXT[:-4],
        TEXT.replace("+AekyeRrm", "+BekyeRrm"),  # a cosignature's key, but 0x04 would be BO..
        TEXT.replace("+Ae", "+Ag"),  # ECDSA, which we do not speak
        TEXT.replace("+Ae", "+/e"),
        "\u00e9" * 2100,
        "n" * 2100 + TEXT,
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(VKeyError):
        vkeys.parse(text)


def test_what_is_wrong_is_said():
    with refused(VKeyError, MALFORMED):
        vkeys.parse("example.com/foo")
    with refused(VKeyError, MALFORMED):
        vkeys.parse("a+530d903a+")
    with refused(VKeyError, MALFORMED):
        vkeys.parse("x" * 5000)
    for other in ("530d903b", "530D903A", "530d903", ""):
        with refused(VKeyError, "a public key's text does not fit its key id"):
            vkeys.parse(TEXT.replace("530d903a", other))
    with refused(VKeyError, "a key's name is not one"):
        VKey("two words", Algorithm.ED25519, b"k" * 32)
    with refused(VKeyError, "a key's name is not one"):
        vkeys.parse(TEXT.replace("example.com/foo", ""))
    with refused(VKeyError, "a key's name is longer than 255 bytes"):
        VKey("\u00fc" * 128, Algorithm.ED25519, b"k" * 32)
    for length in (31, 33, 1312):
        with refused(VKeyError, "a public key is not as long as its kind is"):
            VKey("n", Algorithm.ED25519_COSIGNATURE, b"k" * length)
