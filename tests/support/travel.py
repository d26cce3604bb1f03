"""Material wrapped and unwrapped by hand, as whoever brings a key or takes one out does it."""

import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import (
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
)

from strongroom.domain.transfers import Wrapping

KWP = (Wrapping.RSA_AES_KWP_SHA256, Wrapping.RSA_AES_KWP_SHA1)
DIRECT = (Wrapping.RSA_OAEP_SHA256, Wrapping.RSA_OAEP_SHA1)


def oaep(wrapping):
    sha1 = wrapping.endswith("sha1")
    chosen = hashes.SHA1() if sha1 else hashes.SHA256()  # noqa: S303 - sound inside OAEP
    return padding.OAEP(padding.MGF1(chosen), chosen, None)


def travelling(public, material, wrapping=KWP[0], once=None):
    """Material wrapped for that RSA public key."""
    key = load_der_public_key(public)
    if wrapping in DIRECT:
        return key.encrypt(material, oaep(wrapping))
    once = once or os.urandom(32)
    return key.encrypt(once, oaep(wrapping)) + aes_key_wrap_with_padding(once, material)


def arrived(private, blob, wrapping=KWP[0]):
    """The material in it."""
    key = load_der_private_key(private, None)
    if wrapping in DIRECT:
        return key.decrypt(blob, oaep(wrapping))
    once = key.decrypt(blob[: key.key_size // 8], oaep(wrapping))
    return aes_key_unwrap_with_padding(once, blob[key.key_size // 8 :])
