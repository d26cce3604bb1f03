"""Every limit of a PSKC file, with its reason. Each is checked before the work it bounds."""

from typing import Final

CHUNK_BYTES: Final = 64 * 1024  # read and parsed at a time
FILE_BYTES_MAX: Final = 4 * 1024**3  # a million keys in the most talkative spelling
KEYS_MAX: Final = 1_000_000  # each is remembered by a hash of 16 bytes, to find duplicates
TOKEN_BYTES_MAX: Final = 64 * 1024  # one tag or comment: expat scans an unfinished one again
DEPTH_MAX: Final = 16  # RFC 6030 needs 8
CHARACTERS_MAX: Final = 64 * 1024  # of one key package, or another child of the container
ELEMENT_CHARACTERS: Final = 128  # that each element counts for beside its text: its memory
TEXT_CHARACTERS_MAX: Final = 1_024  # one name or number; longer is nobody's serial number
CIPHER_BYTES_MAX: Final = 2_048  # RSA-16384
SECRET_BYTES_MAX: Final = 128  # as of every other import
MAC_KEY_BYTES: Final = (16, 128)  # at least, at most
RSA_BITS: Final = (1_024, 8_192)  # to open; old tokens came with the first
RSA_WRITE_BITS_MIN: Final = 2_048  # SP 800-131A: 112 bits of strength
SALT_BYTES: Final = (8, 1_024)  # PKCS #5 asks for 8
ITERATIONS_MAX: Final = 10_000_000  # some seconds; a file may not order hours of work
ITERATIONS_WEAK: Final = 100_000  # fewer are read, and remarked upon
ITERATIONS_WRITTEN: Final = 600_000  # OWASP Password Storage Cheat Sheet, PBKDF2-HMAC-SHA256
PASSWORD_CHARACTERS_MIN: Final = 15  # of a new file; as of passphrases elsewhere (SP 800-63B-4)
