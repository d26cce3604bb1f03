"""Project Wycheproof's vectors: where they are, and which files are run.

The full set is not in the repository (24 MB). It is looked for in $STRONGROOM_WYCHEPROOF, then in
`shared/vectors/wycheproof` beside the repository; otherwise the sample in `tests/vectors/data` is
run, which tools/wycheproof_sample.py makes.
"""

import json
import os
from pathlib import Path

from tests.support.tree import ROOT

SAMPLE = ROOT / "tests" / "vectors" / "data" / "wycheproof"

# Files of algorithms that the catalogue does not have, and why the others are left out.
LEFT_OUT = {
    "a128cbc_hs256_test": "JOSE's composition of CBC and HMAC is no key's algorithm here",
    "a256cbc_hs512_test": "likewise",
    "aes_ccm_test": "no CCM",
    "aes_cmac_test": "no CMAC keys",
    "aes_gmac_test": "no GMAC",
    "aes_siv_cmac_test": "no AES-SIV",
    "c2sp_chunked_encryption_aes_128_gcm_test": "no streams",
    "c2sp_chunked_encryption_aes_256_gcm_test": "no streams",
    "ec_prime_order_curves_test": "parameters of curves, no operation",
    "hkdf_sha1_test": "no key derivation for callers",
    "hkdf_sha256_test": "likewise",
    "hkdf_sha384_test": "likewise",
    "hkdf_sha512_test": "likewise",
    "hmac_sha3_256_test": "no HMAC with SHA-3",
    "hmac_sha3_512_test": "no HMAC with SHA-3",
    "hmac_sha512_256_test": "no HMAC with SHA-512/256",
    "hmac_sm3_test": "no SM3",
    "json_web_crypto_test": "no JOSE objects are read",
    "json_web_encryption_test": "likewise",
    "json_web_key_test": "likewise",
    "json_web_signature_test": "likewise",
    "mlkem_1024_semi_expanded_decaps_test": "material is the seed, expanded keys are not read",
    "mlkem_768_semi_expanded_decaps_test": "likewise",
    "pbkdf2_hmacsha1_test": "no key derivation from passwords",
    "pbkdf2_hmacsha256_test": "likewise",
    "pbkdf2_hmacsha512_test": "likewise",
    "sm4_gcm_test": "no SM4",
    "xchacha20_poly1305_test": "no XChaCha20",
}


def directory() -> Path:
    """Where the vectors are read from: the full set, or the sample."""
    named = os.environ.get("STRONGROOM_WYCHEPROOF")
    if named:
        return Path(named)
    beside = ROOT.parent / "shared" / "vectors" / "wycheproof"
    return beside if beside.is_dir() else SAMPLE


def groups(name: str) -> list[dict]:
    """A file's test groups."""
    return json.loads((directory() / f"{name}.json").read_text())["testGroups"]
