"""The software provider against the `openssl` command, another build of another version.

Each makes, the other reads: signatures, ciphertexts, wrapped keys, agreements, key files.
"""

import os
import shutil
import subprocess

import pytest

from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.software.macs import HASHES
from strongroom.domain.algorithms import ALGORITHMS, Algorithm, Kind, Purpose, Scheme
from strongroom.domain.errors import InvalidCiphertext
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.transfers import Wrapping
from strongroom.ports.provider import Ticket

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None,
    reason="THERE IS NO openssl COMMAND: nothing independent checks signatures and key wrap",
)

PROVIDER = SoftwareProvider(Sensitive(os.urandom(32)))
PUBLIC = PROVIDER.public_keys
NAMESPACE = PROVIDER.open_namespace_key(PROVIDER.generate_namespace_key(b""), b"")
MESSAGE = b"what is said, and by whom" * 10

MADE_BY = {
    Algorithm.RSA_2048: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    Algorithm.EC_P256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    Algorithm.EC_P384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    Algorithm.EC_P521: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    Algorithm.EC_SECP256K1: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
    Algorithm.ED25519: ["-algorithm", "ED25519"],
    Algorithm.ED448: ["-algorithm", "ED448"],
    Algorithm.X25519: ["-algorithm", "X25519"],
}
SIGNING = [
    (algorithm, scheme)
    for algorithm in MADE_BY
    for scheme in ALGORITHMS[algorithm].schemes.get(Purpose.SIGN_VERIFY, ())
    # Version 3.0 does not know it: tests/vectors/test_ed25519ph.py has Go's and libsodium's.
    if scheme is not Scheme.ED25519PH
]
KWP = [wrapping for wrapping in Wrapping if wrapping.startswith("rsa-aes-kwp")]
OAEP = ALGORITHMS[Algorithm.RSA_2048].schemes[Purpose.WRAP]


def openssl(*arguments, given=b""):
    done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def both(algorithm, purpose, who):
    """A key pair made by either: (handle, public DER, private PKCS#8 DER)."""
    if who == "openssl":
        der = openssl("genpkey", *MADE_BY[algorithm], "-outform", "DER")
        # One spelling: PKCS#8, as RFC 5958 has it, rather than the kind's own.
        der = openssl("pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER", given=der)
    else:
        der = PROVIDER.generate_pair(algorithm).private.reveal()
    made = NAMESPACE._adopt(algorithm, der, b"")
    return NAMESPACE.open(algorithm, purpose, made.wrapped, b""), made.public, der


def options(scheme):
    """How the command names a scheme."""
    if scheme.startswith("ed"):
        return []
    found = ["-digest", scheme.rsplit("-", 1)[1]]
    if scheme.startswith("rsa-pss"):
        found += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"]
    return found


def files(folder, **contents):
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: str(folder / name) for name in contents}


def accepts(paths, scheme):
    """Whether the command takes a signature for a message's."""
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", paths["public"],
         "-in", paths["message"], "-sigfile", paths["signature"], *options(scheme)],
        capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


@pytest.mark.parametrize("who", ["openssl", "strongroom"])
@pytest.mark.parametrize(("algorithm", "scheme"), SIGNING)
def test_our_signatures_verify_there_and_theirs_here(tmp_path, algorithm, scheme, who):
    handle, public, der = both(algorithm, Purpose.SIGN_VERIFY, who)
    ours = handle.sign(scheme, MESSAGE, digest=False, context=b"")
    paths = files(
        tmp_path, public=PUBLIC.pem(public).encode(), private=der, message=MESSAGE, signature=ours
    )
    assert accepts(paths, scheme)
    (tmp_path / "message").write_bytes(MESSAGE + b".")
    assert not accepts(paths, scheme)

    (tmp_path / "message").write_bytes(MESSAGE)
    theirs = openssl(
        "pkeyutl", "-sign", "-rawin", "-inkey", paths["private"], "-keyform", "DER",
        "-in", paths["message"], *options(scheme),
    )  # fmt: skip

    def verifies(message):
        return PUBLIC.verify(algorithm, scheme, public, message, theirs, digest=False, context=b"")

    assert verifies(MESSAGE)
    assert not verifies(MESSAGE + b".")


@pytest.mark.parametrize("algorithm", MADE_BY)
def test_a_pem_is_read_as_the_same_key(algorithm):
    _, public, _ = both(algorithm, ALGORITHMS[algorithm].purpose, "strongroom")
    pem = PUBLIC.pem(public).encode()
    assert openssl("pkey", "-pubin", "-outform", "DER", given=pem) == public
    assert openssl("pkey", "-pubin", given=pem) == pem


def test_keys_that_this_command_may_not_know_are_well_formed_nonetheless():
    for algorithm, facts in ALGORITHMS.items():
        if facts.kind is Kind.ASYMMETRIC and facts.bits < 2_048:
            pair = PROVIDER.generate_pair(algorithm)
            for der in (pair.public, pair.private.reveal()):
                text = openssl("asn1parse", "-inform", "DER", given=der).decode()
                first = text.splitlines()[0]
                assert "cons: SEQUENCE" in first
                header, length = first.split("hl=")[1].split(" l=")
                assert int(header) + int(length.split()[0]) == len(der), algorithm


def oaep(digest):
    return [
        "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", f"rsa_oaep_md:{digest}",
        "-pkeyopt", f"rsa_mgf1_md:{digest}",
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", OAEP)
def test_oaep_goes_both_ways(tmp_path, scheme):
    algorithm, digest = Algorithm.RSA_2048, scheme.rsplit("-", 1)[1]
    handle, public, der = both(algorithm, Purpose.DECRYPT, "strongroom")
    padding = oaep(digest)
    label = ["-pkeyopt", f"rsa_oaep_label:{b'label'.hex()}"]
    paths = files(tmp_path, public=PUBLIC.pem(public).encode(), private=der)
    encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", paths["public"], *padding]
    decrypt = ["pkeyutl", "-decrypt", "-inkey", paths["private"], "-keyform", "DER", *padding]

    assert handle.decrypt_asymmetric(scheme, openssl(*encrypt, given=b"4111"), b"") == b"4111"
    labelled = openssl(*encrypt, *label, given=b"4111")
    assert handle.decrypt_asymmetric(scheme, labelled, b"label") == b"4111"
    with pytest.raises(InvalidCiphertext):
        handle.decrypt_asymmetric(scheme, labelled, b"")

    ours = PUBLIC.encrypt_asymmetric(algorithm, scheme, public, b"4111", b"label")
    assert openssl(*decrypt, *label, given=ours) == b"4111"


@pytest.mark.parametrize(
    "algorithm", [a for a in MADE_BY if Purpose.AGREE in ALGORITHMS[a].schemes]
)
def test_both_sides_agree_on_one_secret(tmp_path, algorithm):
    ours, our_public, _ = both(algorithm, Purpose.AGREE, "strongroom")
    _, their_public, theirs = both(algorithm, Purpose.AGREE, "openssl")
    paths = files(tmp_path, private=theirs, peer=PUBLIC.pem(our_public).encode())
    secret = openssl(
        "pkeyutl", "-derive", "-inkey", paths["private"], "-keyform", "DER",
        "-peerkey", paths["peer"],
    )  # fmt: skip
    assert ours.agree(their_public) == secret


def symmetric(algorithm):
    """A handle over material that is known."""
    key = os.urandom(ALGORITHMS[algorithm].bits // 8)
    made = NAMESPACE._adopt(algorithm, key, b"")
    purpose = ALGORITHMS[algorithm].purpose
    return NAMESPACE.open(algorithm, purpose, made.wrapped, b""), key.hex()


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize(
    ("scheme", "suffix", "vector", "sizes"),
    [
        (Scheme.AES_KW, "", "A6A6A6A6A6A6A6A6", (16, 24, 32, 1_216)),
        (Scheme.AES_KWP, "-pad", "A65959A6", (1, 8, 20, 32, 1_217)),
    ],
)
def test_key_wrap_goes_both_ways(bits, scheme, suffix, vector, sizes):
    handle, key = symmetric(Algorithm(f"aes-{bits}-kw"))
    command = ["enc", f"-id-aes{bits}-wrap{suffix}", "-K", key, "-iv", vector]
    for size in sizes:
        material = os.urandom(size)
        assert openssl(*command, "-d", given=handle.wrap(scheme, material)) == material
        assert handle.unwrap(scheme, openssl(*command, "-e", given=material)) == material


@pytest.mark.parametrize("algorithm", ["aes-128-cbc", "aes-256-cbc", "aes-128-ctr", "aes-256-ctr"])
def test_raw_ciphers_without_integrity_go_both_ways(algorithm):
    handle, key = symmetric(Algorithm(f"{algorithm}-raw"))
    for size in (0, 1, 16, 1_000):
        plaintext, vector = os.urandom(size), os.urandom(16)
        blob = handle.encrypt_raw(plaintext, b"")
        command = ["enc", f"-{algorithm}", "-K", key, "-iv"]
        assert openssl(*command, blob[:16].hex(), "-d", given=blob[16:]) == plaintext
        theirs = openssl(*command, vector.hex(), "-e", given=plaintext)
        assert handle.decrypt_raw(vector + theirs, b"") == plaintext


@pytest.mark.parametrize("algorithm", HASHES)
def test_tags_are_the_same(algorithm):
    handle, key = symmetric(algorithm)
    command = ["dgst", f"-{HASHES[algorithm]}", "-mac", "HMAC", "-macopt", f"hexkey:{key}"]
    assert handle.mac(MESSAGE) == openssl(*command, "-binary", given=MESSAGE)


def kwp(once):
    return ["enc", "-id-aes256-wrap-pad", "-K", once.hex(), "-iv", "A65959A6"]


@pytest.mark.parametrize(
    ("algorithm", "wrapping"),
    [
        *((Algorithm.HMAC_SHA512, wrapping) for wrapping in Wrapping),
        *((Algorithm.RSA_2048, wrapping) for wrapping in KWP),
    ],
)
def test_material_that_the_command_wrapped_is_imported(tmp_path, algorithm, wrapping):
    """A one-time AES key, wrapped, then the material under it; or the material, wrapped."""
    asymmetric = ALGORITHMS[algorithm].kind is Kind.ASYMMETRIC
    made = NAMESPACE.generate(Algorithm.RSA_2048, b"ticket")
    paths = files(tmp_path, public=PUBLIC.pem(made.public).encode())
    encrypt = [
        "pkeyutl", "-encrypt", "-pubin", "-inkey", paths["public"],
        *oaep(wrapping.rsplit("-", 1)[1]),
    ]  # fmt: skip
    material, once = os.urandom(64), os.urandom(32)
    if asymmetric:
        material = openssl("genpkey", *MADE_BY[algorithm], "-outform", "DER")
        material = openssl(
            "pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER", given=material
        )
    if wrapping not in KWP:
        blob = openssl(*encrypt, given=material)
    else:
        blob = openssl(*encrypt, given=once) + openssl(*kwp(once), "-e", given=material)
    ticket = Ticket(Algorithm.RSA_2048, made.wrapped, b"ticket")
    taken = NAMESPACE.import_wrapped(algorithm, ticket, wrapping, blob, b"here")
    if asymmetric:
        theirs = openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", given=material)
        assert taken.public == theirs
    else:
        tag = NAMESPACE.open(algorithm, Purpose.MAC, taken.wrapped, b"here").mac(MESSAGE)
        command = ["dgst", "-sha512", "-mac", "HMAC", "-macopt", f"hexkey:{material.hex()}"]
        assert openssl(*command, "-binary", given=MESSAGE) == tag


@pytest.mark.parametrize("wrapping", KWP)
def test_what_is_exported_is_opened_by_the_command(tmp_path, wrapping):
    private = openssl("genpkey", *MADE_BY[Algorithm.RSA_2048], "-outform", "DER")
    public = openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", given=private)
    paths = files(tmp_path, private=private)
    made = NAMESPACE.generate(Algorithm.EC_P256, b"here")
    blob = NAMESPACE.export_wrapped(Algorithm.EC_P256, made.wrapped, b"here", public, wrapping)
    once = openssl(
        "pkeyutl", "-decrypt", "-inkey", paths["private"], "-keyform", "DER",
        *oaep(wrapping.rsplit("-", 1)[1]), given=blob[:256],
    )  # fmt: skip
    material = openssl(*kwp(once), "-d", given=blob[256:])
    assert openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", given=material) == (
        made.public
    )
