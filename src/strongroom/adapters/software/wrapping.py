"""AES key wrap: KW (RFC 3394) and KWP (RFC 5649), both of NIST SP 800-38F. Deterministic."""

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap,
    aes_key_wrap_with_padding,
)

from strongroom.adapters.software.schemes import require
from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.provider import Wrapper


class AESWrapper(Wrapper):
    """KW takes whole blocks of 8 bytes, at least two; KWP takes anything but nothing."""

    def __init__(self, algorithm: Algorithm, key: Sensitive) -> None:
        self._algorithm = algorithm
        self._key = key

    def wrap(self, scheme: Scheme, material: bytes) -> bytes:
        """The material, wrapped. Raises `InvalidRequest` for a length that cannot be."""
        require(self._algorithm, Purpose.WRAP, scheme)
        function = aes_key_wrap if scheme is Scheme.AES_KW else aes_key_wrap_with_padding
        try:
            return function(self._key.reveal(), material)
        except ValueError:
            raise InvalidRequest(f"{scheme} wraps no material of this length") from None

    def unwrap(self, scheme: Scheme, wrapped: bytes) -> bytes:
        """The material. Raises `InvalidCiphertext`, for whatever reason it does not open."""
        require(self._algorithm, Purpose.WRAP, scheme)
        function = aes_key_unwrap if scheme is Scheme.AES_KW else aes_key_unwrap_with_padding
        try:
            return function(self._key.reveal(), wrapped)
        except (InvalidUnwrap, ValueError):
            raise InvalidCiphertext from None
