"""Names in PSKC files: namespaces, elements, and the algorithms that are known by an address."""

from typing import Final

# An element's name is its namespace, a space, and its own name: as expat gives it.
PSKC: Final = "urn:ietf:params:xml:ns:keyprov:pskc "
SIGNED: Final = "http://www.w3.org/2000/09/xmldsig# "
ENCRYPTED: Final = "http://www.w3.org/2001/04/xmlenc# "
ENCRYPTED_11: Final = "http://www.w3.org/2009/xmlenc11# "
PKCS5: Final = "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0# "

SHA1: Final = "http://www.w3.org/2000/09/xmldsig#sha1"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA512: Final = "http://www.w3.org/2001/04/xmlenc#sha512"
DIGESTS: Final = {SHA1: "sha1", SHA256: "sha256", SHA512: "sha512"}

HMAC_SHA1: Final = "http://www.w3.org/2000/09/xmldsig#hmac-sha1"
HMAC_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
HMAC_SHA512: Final = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512"
HMACS: Final = {HMAC_SHA1: "sha1", HMAC_SHA256: "sha256", HMAC_SHA512: "sha512"}

# Bytes of the key of each.
AES_256_CBC: Final = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
CBC: Final = {
    "http://www.w3.org/2001/04/xmlenc#aes128-cbc": 16,
    "http://www.w3.org/2001/04/xmlenc#aes192-cbc": 24,
    AES_256_CBC: 32,
}
KEY_WRAP: Final = {
    "http://www.w3.org/2001/04/xmlenc#kw-aes128": 16,
    "http://www.w3.org/2001/04/xmlenc#kw-aes192": 24,
    "http://www.w3.org/2001/04/xmlenc#kw-aes256": 32,
}
KEY_WRAP_PADDED: Final = {
    "http://www.w3.org/2009/xmlenc11#kw-aes-128-pad": 16,
    "http://www.w3.org/2009/xmlenc11#kw-aes-192-pad": 24,
    "http://www.w3.org/2009/xmlenc11#kw-aes-256-pad": 32,
}
RSA_1_5: Final = (
    "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
    "http://www.w3.org/2001/04/xmlenc#rsa_1_5",  # as RFC 6030, Figure 8 has it, and who copied it
)
RSA_OAEP_SHA1: Final = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"  # its MGF is of SHA-1
RSA_OAEP: Final = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
MGFS: Final = {
    "http://www.w3.org/2009/xmlenc11#mgf1sha1": "sha1",
    "http://www.w3.org/2009/xmlenc11#mgf1sha256": "sha256",
    "http://www.w3.org/2009/xmlenc11#mgf1sha512": "sha512",
}
MGF1_SHA256: Final = "http://www.w3.org/2009/xmlenc11#mgf1sha256"

PBKDF2: Final = "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2"
PBKDF2S: Final = (PBKDF2, "http://www.w3.org/2009/xmlenc11#pbkdf2")

ALGORITHM: Final = "urn:ietf:params:xml:ns:keyprov:pskc:"  # and hotp, totp, ocra, pin
OLD_ALGORITHM: Final = "urn:ietf:params:xml:ns:keyprov:pskc#"  # of drafts; files still have it
