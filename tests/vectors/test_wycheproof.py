"""Project Wycheproof's vectors, through the provider's own classes.

`valid` must pass and `invalid` be refused with an error of ours. `acceptable` may go either way, as
pinned below. A case that asks for what the provider cannot be asked (another length of nonce,
AES-192, a truncated tag, a hash that no scheme has) is foreign; where it can be tried, it fails.

What each file must come to is counted in `EXPECTED`, so that none can drop out silently.
"""

import hashlib
import re
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.software.macs import HMACMaker
from strongroom.adapters.software.raw import raw_cipher
from strongroom.adapters.software.wrapping import AESWrapper
from strongroom.domain.algorithms import ALGORITHMS, Algorithm, Purpose, Scheme
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.signatures import p1363_to_der
from tests.support.wycheproof import LEFT_OUT, SAMPLE, directory, groups

FOREIGN = "foreign"  # beside True (accepted) and False (refused)

PROVIDER = SoftwareProvider(Sensitive(bytes(range(32))))
PUBLIC = PROVIDER.public_keys
NAMESPACE = PROVIDER.open_namespace_key(PROVIDER.generate_namespace_key(b""), b"")


def adopted(algorithm, der, purpose=None):
    """A private key as the provider takes it from outside: (handle, public key)."""
    made = NAMESPACE._adopt(algorithm, der, b"")
    purpose = purpose or ALGORITHMS[algorithm].purpose
    return NAMESPACE.open(algorithm, purpose, made.wrapped, b""), made.public


def refused(work):
    """Refused, with an error of ours; whatever else is raised fails the test."""
    try:
        work()
    except (InvalidRequest, InvalidCiphertext):
        return True
    return False


def sized(group, prefix, suffix=""):
    """The algorithm of the group's key size, if there is one."""
    name = f"{prefix}{group['keySize']}{suffix}"
    return Algorithm(name) if name in set(Algorithm) else None


def data(case, *names):
    return [bytes.fromhex(case[name]) for name in names]


# --- symmetric ------------------------------------------------------------------------------------


def aead(prefix, suffix, group, case):
    key, nonce, additional, plaintext, text, tag = data(
        case, "key", "iv", "aad", "msg", "ct", "tag"
    )
    algorithm = sized(group, prefix, suffix) if suffix else Algorithm(prefix)
    if algorithm is None or len(nonce) != 12 or len(tag) != 16:
        return FOREIGN
    cipher = raw_cipher(algorithm, key)
    blob = nonce + text + tag
    if refused(lambda: cipher.decrypt_raw(blob, additional)):
        return False
    assert cipher.decrypt_raw(blob, additional) == plaintext
    assert cipher._encrypt_with(nonce, plaintext, additional) == blob
    return True


def cbc(group, case):
    key, vector, plaintext, text = data(case, "key", "iv", "msg", "ct")
    algorithm = sized(group, "aes-", "-cbc-raw")
    if algorithm is None:
        return FOREIGN
    cipher = raw_cipher(algorithm, key)
    if refused(lambda: cipher.decrypt_raw(vector + text, b"")):
        return False
    assert cipher.decrypt_raw(vector + text, b"") == plaintext
    assert cipher._encrypt_with(vector, plaintext) == vector + text
    return True


def mac(algorithm, group, case):
    key, message, tag = data(case, "key", "msg", "tag")
    maker = HMACMaker(algorithm, Sensitive(key))
    right = maker.check_mac(message, tag)
    if group["tagSize"] != ALGORITHMS[algorithm].bits:
        assert not right  # a truncated tag is a wrong one
        return FOREIGN
    assert right is (maker.mac(message) == tag)
    return right


def key_wrap(scheme, group, case):
    key, material, text = data(case, "key", "msg", "ct")
    algorithm = sized(group, "aes-", "-kw")
    if algorithm is None:
        return FOREIGN
    wrapper = AESWrapper(algorithm, Sensitive(key))
    if refused(lambda: wrapper.unwrap(scheme, text)):
        return False
    assert wrapper.unwrap(scheme, text) == material
    assert wrapper.wrap(scheme, material) == text
    return True


# --- RSA ------------------------------------------------------------------------------------------


def hash_name(name):
    return name.lower().replace("-", "")


def oaep(group, case):
    algorithm = sized(group, "rsa-")
    handle, _ = private(algorithm, group["privateKeyPkcs8"], Purpose.DECRYPT)
    plaintext, text, label = data(case, "msg", "ct", "label")
    scheme = Scheme(f"rsa-oaep-{hash_name(group['sha'])}")
    no = refused(lambda: handle.decrypt_asymmetric(scheme, text, label))
    if group["mgfSha"] != group["sha"]:
        assert no
        return FOREIGN
    if no:
        return False
    assert handle.decrypt_asymmetric(scheme, text, label) == plaintext
    return True


def rsa_1_5(group, case):
    handle, _ = private(sized(group, "rsa-"), group["privateKeyPkcs8"], Purpose.DECRYPT)
    plaintext, text = data(case, "msg", "ct")
    if refused(lambda: handle.decrypt_asymmetric(Scheme.RSA_1_5, text, b"")):
        return False
    opened = handle.decrypt_asymmetric(Scheme.RSA_1_5, text, b"")
    if "InvalidPkcs1Padding" in case["flags"]:
        # Implicit rejection: an answer that depends on key and ciphertext only, never the text.
        assert opened != plaintext
        assert opened == handle.decrypt_asymmetric(Scheme.RSA_1_5, text, b"")
        return False
    assert opened == plaintext
    return True


def rsa_verify(padding, group, case):
    scheme = Scheme(f"rsa-{padding}-{hash_name(group['sha'])}")
    right = verified(sized(group, "rsa-"), scheme, group["publicKeyDer"], case)
    if padding == "pss" and group["sLen"] * 8 != int(group["sha"][-3:]):
        # PSS here has a salt as long as the digest: of the file's wrong signatures one has that.
        assert right is (case["comment"] == "s_len changed to 32")
        return FOREIGN
    return right


def rsa_sign(group, case):
    scheme = f"rsa-pkcs1-{hash_name(group['sha'])}"
    if scheme not in set(Scheme):
        return FOREIGN
    algorithm = sized(group, "rsa-")
    message, signature = data(case, "msg", "sig")
    if refused(lambda: private(algorithm, group["privateKeyPkcs8"], Purpose.SIGN_VERIFY)):
        return False
    handle, public = private(algorithm, group["privateKeyPkcs8"], Purpose.SIGN_VERIFY)
    assert handle.sign(Scheme(scheme), message, digest=False, context=b"") == signature
    return verified(algorithm, Scheme(scheme), public.hex(), case)


KEYS = {}


def private(algorithm, der, purpose):
    """An RSA key of a group; read once, because each is validated on arrival."""
    known = KEYS.get((der, purpose))
    if known is None:
        known = KEYS[der, purpose] = adopted(algorithm, bytes.fromhex(der), purpose)
    return known


# --- curves ---------------------------------------------------------------------------------------


def verified(algorithm, scheme, public, case, context=b""):
    message, signature = data(case, "msg", "sig")
    return PUBLIC.verify(
        algorithm, scheme, bytes.fromhex(public), message, signature, digest=False, context=context
    )


def signature(algorithm, scheme, group, case):
    return verified(algorithm, scheme, group["publicKeyDer"], case)


def p1363(algorithm, scheme, group, case):
    coordinate_bytes = (ALGORITHMS[algorithm].bits + 7) // 8
    try:
        der = p1363_to_der(bytes.fromhex(case["sig"]), coordinate_bytes)
    except ValueError:
        return False
    return verified(algorithm, scheme, group["publicKeyDer"], {**case, "sig": der.hex()})


def ecdh(algorithm, curve, group, case):
    peer, shared = data(case, "public", "shared")
    key = ec.derive_private_key(int(case["private"], 16), curve)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    handle, _ = adopted(algorithm, der, Purpose.AGREE)
    if refused(lambda: handle.agree(peer)):
        return False
    assert handle.agree(peer) == shared
    return True


def x25519(group, case):
    peer, key, shared = data(case, "public", "private", "shared")
    handle, _ = adopted(Algorithm.X25519, pkcs8("2b656e", b"\x04\x20" + key), Purpose.AGREE)
    if refused(lambda: handle.agree(peer)):
        return False
    assert handle.agree(peer) == shared
    return True


# --- lattices -------------------------------------------------------------------------------------


def pkcs8(identifier, key):
    """PKCS#8 by hand: version 0, an algorithm without parameters, the key in an octet string."""
    name = bytes.fromhex(identifier)
    inner = b"\x02\x01\x00" + tlv(0x30, tlv(0x06, name)) + tlv(0x04, key)
    return tlv(0x30, inner)


def tlv(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    spelt = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(spelt)]) + spelt + content


def spki(identifier, key):
    return tlv(0x30, tlv(0x30, tlv(0x06, bytes.fromhex(identifier))) + tlv(0x03, b"\0" + key))


ML_DSA = {
    Algorithm.ML_DSA_44: "608648016503040311",
    Algorithm.ML_DSA_65: "608648016503040312",
    Algorithm.ML_DSA_87: "608648016503040313",
}
ML_KEM = {
    Algorithm.ML_KEM_768: "608648016503040402",
    Algorithm.ML_KEM_1024: "608648016503040403",
}


def ml_dsa_verify(algorithm, group, case):
    key = spki(ML_DSA[algorithm], bytes.fromhex(group["publicKey"]))
    context = bytes.fromhex(case.get("ctx", ""))
    try:
        return verified(algorithm, Scheme.ML_DSA, key.hex(), case, context)
    except InvalidRequest:
        return False


def ml_dsa_sign(algorithm, group, case):
    """Signing here is hedged, not so the vectors': theirs verify with our key, and ours too."""
    (seed,) = data(group, "privateSeed")
    der = pkcs8(ML_DSA[algorithm], tlv(0x80, seed))
    if refused(lambda: adopted(algorithm, der)):
        return False
    handle, spelt = adopted(algorithm, der)
    (public,) = data(group, "publicKey")
    assert spelt == spki(ML_DSA[algorithm], public)
    context = bytes.fromhex(case.get("ctx", ""))
    if "msg" in case:
        (message,) = data(case, "msg")
        sign = partial(handle.sign, Scheme.ML_DSA, message, digest=False, context=context)
        if refused(sign):
            return False
        right = partial(verified, algorithm, Scheme.ML_DSA, spelt.hex(), context=context)
        assert right({**case, "sig": sign().hex()})
        assert right(case)
    if "mu" in case:
        mu, sig = data(case, "mu", "sig")
        if "msg" in case:
            inner = bytes([0, len(context)]) + context + message
            hashed = hashlib.shake_256(public).digest(64)
            assert hashlib.shake_256(hashed + inner).digest(64) == mu
        verify = partial(PUBLIC.verify, algorithm, Scheme.ML_DSA_MU, spelt, mu)
        mine = handle.sign(Scheme.ML_DSA_MU, mu, digest=True, context=b"")
        assert verify(mine, digest=True, context=b"")
        assert verify(sig, digest=True, context=b"")
    return True


def ml_kem(algorithm, group, case):
    seed, text, secret = data(case, "seed", "c", "K")
    der = pkcs8(ML_KEM[algorithm], tlv(0x80, seed))
    if refused(lambda: adopted(algorithm, der)):
        return False
    handle, public = adopted(algorithm, der)
    assert public == spki(ML_KEM[algorithm], bytes.fromhex(case["ek"]))
    if refused(lambda: handle.decapsulate(Scheme.ML_KEM, text)):
        return False
    assert handle.decapsulate(Scheme.ML_KEM, text) == secret
    return True


def ml_kem_keys(algorithm, group, case):
    seed, public = data(case, "seed", "ek")
    _, spelt = adopted(algorithm, pkcs8(ML_KEM[algorithm], tlv(0x80, seed)))
    assert spelt == spki(ML_KEM[algorithm], public)
    return True


def ml_kem_public(algorithm, group, case):
    """The library draws its own random message, so only the keys are looked at."""
    (public,) = data(case, "ek")
    key = spki(ML_KEM[algorithm], public)
    if refused(lambda: PUBLIC.check(algorithm, key)):
        assert refused(lambda: PUBLIC.encapsulate(algorithm, Scheme.ML_KEM, key))
        return False
    made = PUBLIC.encapsulate(algorithm, Scheme.ML_KEM, key)
    assert (len(made.ciphertext), len(made.shared_secret)) == (len(case["c"]) // 2, 32)
    return True


# --- the files ------------------------------------------------------------------------------------

CURVES = {
    "secp256k1": (Algorithm.EC_SECP256K1, ec.SECP256K1()),
    "secp256r1": (Algorithm.EC_P256, ec.SECP256R1()),
    "secp384r1": (Algorithm.EC_P384, ec.SECP384R1()),
    "secp521r1": (Algorithm.EC_P521, ec.SECP521R1()),
}


RUNNERS = (
    (r"aes_gcm", lambda: partial(aead, "aes-", "-gcm-raw")),
    (r"aes_gcm_siv", lambda: partial(aead, "aes-", "-gcm-siv")),
    (r"chacha20_poly1305", lambda: partial(aead, "chacha20-poly1305", "")),
    (r"aes_cbc_pkcs5", lambda: cbc),
    (r"aes_wrap", lambda: partial(key_wrap, Scheme.AES_KW)),
    (r"aes_kwp", lambda: partial(key_wrap, Scheme.AES_KWP)),
    (r"hmac_(sha\d+)", lambda digest: partial(mac, Algorithm(f"hmac-{digest}"))),
    (r"rsa_oaep_\w+", lambda: oaep),
    (r"rsa_pkcs1_\d+", lambda: rsa_1_5),
    (r"rsa_pkcs1_\d+_sig_gen", lambda: rsa_sign),
    (r"rsa_pss_\w+", lambda: partial(rsa_verify, "pss")),
    (r"rsa_signature_\w+", lambda: partial(rsa_verify, "pkcs1")),
    (r"ecdsa_(\w+)_(sha\d+)", lambda curve, digest: partial(signature, *ecdsa(curve, digest))),
    (r"ecdsa_(\w+)_(sha\d+)_p1363", lambda curve, digest: partial(p1363, *ecdsa(curve, digest))),
    (r"ecdh_(\w+)", lambda curve: partial(ecdh, *CURVES[curve])),
    (r"(ed\d+)", lambda name: partial(signature, Algorithm(name), Scheme(name))),
    (r"x25519", lambda: x25519),
    (r"mldsa_(\d+)_verify", lambda size: partial(ml_dsa_verify, Algorithm(f"ml-dsa-{size}"))),
    (r"mldsa_(\d+)_sign_seed", lambda size: partial(ml_dsa_sign, Algorithm(f"ml-dsa-{size}"))),
    (r"mlkem_(\d+)", lambda size: partial(ml_kem, Algorithm(f"ml-kem-{size}"))),
    (r"mlkem_(\d+)_keygen_seed", lambda size: partial(ml_kem_keys, Algorithm(f"ml-kem-{size}"))),
    (r"mlkem_(\d+)_encaps", lambda size: partial(ml_kem_public, Algorithm(f"ml-kem-{size}"))),
)


def ecdsa(curve, digest):
    return CURVES[curve][0], Scheme(f"ecdsa-{digest}")


def runner(name):
    """What runs a file's cases: the one row that its name fits."""
    fits = [
        make(*found.groups())
        for pattern, make in RUNNERS
        if (found := re.fullmatch(pattern, name.removesuffix("_test")))
    ]
    (run,) = fits
    return run


# By file: (accepted, refused, foreign) of the full set, and of the sample.
EXPECTED = {
    "aes_cbc_pkcs5_test": ((48, 96, 72), (5, 10, 7)),
    "aes_gcm_siv_test": ((69, 34, 99), (7, 4, 10)),
    "aes_gcm_test": ((79, 54, 183), (8, 6, 18)),
    "aes_kwp_test": ((50, 119, 85), (6, 12, 8)),
    "aes_wrap_test": ((24, 86, 55), (2, 12, 6)),
    "chacha20_poly1305_test": ((256, 60, 9), (26, 6, 1)),
    "ecdh_secp256r1_test": ((330, 282, 0), (34, 235, 0)),
    "ecdh_secp384r1_test": ((771, 276, 0), (78, 235, 0)),
    "ecdh_secp521r1_test": ((632, 284, 0), (64, 233, 0)),
    "ecdsa_secp256k1_sha256_p1363_test": ((167, 85, 0), (18, 8, 0)),
    "ecdsa_secp256k1_sha256_test": ((168, 308, 0), (17, 31, 0)),
    "ecdsa_secp256r1_sha256_p1363_test": ((173, 89, 0), (18, 9, 0)),
    "ecdsa_secp256r1_sha256_test": ((174, 310, 0), (17, 32, 0)),
    "ecdsa_secp384r1_sha384_p1363_test": ((193, 87, 0), (20, 8, 0)),
    "ecdsa_secp384r1_sha384_test": ((194, 310, 0), (20, 31, 0)),
    "ecdsa_secp521r1_sha512_p1363_test": ((231, 87, 0), (24, 8, 0)),
    "ecdsa_secp521r1_sha512_test": ((232, 310, 0), (23, 32, 0)),
    "ed25519_test": ((88, 63, 0), (9, 7, 0)),
    "ed448_test": ((17, 70, 0), (2, 7, 0)),
    "hmac_sha1_test": ((33, 54, 83), (4, 6, 7)),
    "hmac_sha224_test": ((33, 54, 85), (4, 6, 8)),
    "hmac_sha256_test": ((33, 54, 87), (4, 6, 8)),
    "hmac_sha384_test": ((33, 54, 87), (4, 6, 8)),
    "hmac_sha512_test": ((33, 54, 87), (4, 6, 8)),
    "mldsa_44_sign_seed_test": ((82, 4, 0), (8, 1, 0)),
    "mldsa_44_verify_test": ((77, 103, 0), (8, 10, 0)),
    "mldsa_65_sign_seed_test": ((101, 4, 0), (11, 0, 0)),
    "mldsa_65_verify_test": ((79, 131, 0), (10, 11, 0)),
    "mldsa_87_verify_test": ((71, 170, 0), (8, 17, 0)),
    "mlkem_1024_test": ((153, 40, 0), (16, 4, 0)),
    "mlkem_768_encaps_test": ((133, 132, 0), (13, 14, 0)),
    "mlkem_768_keygen_seed_test": ((100, 0, 0), (10, 0, 0)),
    "mlkem_768_test": ((153, 40, 0), (16, 4, 0)),
    "rsa_oaep_2048_sha1_mgf1sha1_test": ((17, 19, 0), (3, 1, 0)),
    "rsa_oaep_2048_sha256_mgf1sha1_test": ((0, 0, 31), (0, 0, 4)),
    "rsa_oaep_2048_sha256_mgf1sha256_test": ((18, 19, 0), (3, 1, 0)),
    "rsa_oaep_2048_sha384_mgf1sha384_test": ((16, 18, 0), (3, 1, 0)),
    "rsa_oaep_2048_sha512_mgf1sha512_test": ((14, 19, 0), (3, 1, 0)),
    "rsa_oaep_3072_sha256_mgf1sha256_test": ((18, 19, 0), (3, 1, 0)),
    "rsa_oaep_3072_sha512_mgf1sha512_test": ((15, 18, 0), (3, 1, 0)),
    "rsa_oaep_4096_sha256_mgf1sha1_test": ((0, 0, 32), (0, 0, 4)),
    "rsa_oaep_4096_sha256_mgf1sha256_test": ((18, 19, 0), (3, 1, 0)),
    "rsa_oaep_4096_sha512_mgf1sha512_test": ((17, 19, 0), (3, 1, 0)),
    "rsa_pkcs1_2048_sig_gen_test": ((24, 3, 16), (2, 3, 9)),
    "rsa_pkcs1_2048_test": ((42, 25, 0), (5, 2, 0)),
    "rsa_pkcs1_3072_sig_gen_test": ((24, 2, 0), (3, 2, 0)),
    "rsa_pkcs1_4096_sig_gen_test": ((24, 0, 0), (3, 0, 0)),
    "rsa_pss_2048_sha256_mgf1_0_test": ((0, 0, 103), (0, 0, 11)),
    "rsa_pss_2048_sha256_mgf1_32_test": ((63, 45, 0), (7, 4, 0)),
    "rsa_pss_2048_sha384_mgf1_48_test": ((95, 46, 0), (10, 5, 0)),
    "rsa_pss_3072_sha256_mgf1_32_test": ((63, 45, 0), (7, 4, 0)),
    "rsa_pss_4096_sha256_mgf1_32_test": ((63, 45, 0), (7, 4, 0)),
    "rsa_pss_4096_sha384_mgf1_48_test": ((95, 46, 0), (10, 5, 0)),
    "rsa_pss_4096_sha512_mgf1_64_test": ((132, 47, 0), (13, 5, 0)),
    "rsa_signature_2048_sha256_test": ((9, 250, 0), (1, 26, 0)),
    "rsa_signature_2048_sha384_test": ((7, 251, 0), (1, 26, 0)),
    "rsa_signature_2048_sha512_test": ((8, 251, 0), (1, 26, 0)),
    "rsa_signature_3072_sha256_test": ((8, 251, 0), (1, 26, 0)),
    "rsa_signature_3072_sha384_test": ((7, 252, 0), (1, 26, 0)),
    "rsa_signature_3072_sha512_test": ((8, 252, 0), (1, 26, 0)),
    "rsa_signature_4096_sha256_test": ((7, 251, 0), (1, 26, 0)),
    "rsa_signature_4096_sha384_test": ((7, 252, 0), (1, 26, 0)),
    "rsa_signature_4096_sha512_test": ((7, 252, 0), (1, 26, 0)),
    "x25519_test": ((487, 31, 0), (248, 31, 0)),
}


def taken(name, case):
    """Whether a case that may go either way is accepted; those of all other files are refused.

    RFC 7748 takes non-canonical points and those of the twist. A secret of zero is refused.
    """
    return name == "x25519_test" and "ZeroSharedSecret" not in case["flags"]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_case_of_the_file_is_accepted_or_refused_as_it_must_be(name, record_property):
    run = runner(name)
    counted = {True: 0, False: 0, FOREIGN: 0}
    wrong = []
    for group in groups(name):
        for case in group["tests"]:
            outcome = run(group, case)
            counted[outcome] += 1
            right = {"valid": True, "invalid": False}.get(case["result"], taken(name, case))
            if outcome not in {right, FOREIGN}:
                wrong.append((case["tcId"], case["result"], case["flags"], outcome))
    assert not wrong
    record_property("wycheproof", [name, *counted.values(), directory() == SAMPLE])
    full, sample = EXPECTED[name]
    assert tuple(counted.values()) == (sample if directory() == SAMPLE else full)


def test_no_file_is_there_that_is_neither_run_nor_left_out_for_a_reason():
    there = {path.stem for path in directory().glob("*.json")}
    assert there - set(LEFT_OUT) == set(EXPECTED)
    assert not set(LEFT_OUT) & set(EXPECTED)
    assert all(LEFT_OUT.values())
