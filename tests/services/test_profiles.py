"""What each profile allows: every algorithm, for every purpose, by every scheme."""

import itertools

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding

from strongroom.domain.algorithms import ALGORITHMS, SCHEMES, Purpose, Standing
from strongroom.domain.lifecycle import Use
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.things import Profile
from tests.support.desks import House

KEYS = [(algorithm, purpose) for algorithm, row in ALGORITHMS.items() for purpose in row.schemes]
BYTES = bytes(range(32))


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return House(tmp_path_factory.mktemp("profiles") / "store.db")


@pytest.fixture(scope="module")
def desk(house):
    return house.desk()


@pytest.fixture(scope="module", autouse=True)
def _keys(house, desk):
    """A key of each kind, made on the standard profile."""
    for algorithm, purpose in KEYS:
        desk.ask(
            house.admin, "key.create", name=f"{algorithm}-{purpose}", algorithm=algorithm,
            purpose=purpose,
        )  # fmt: skip


def on(house, desk, profile):
    desk.ask(house.admin, "namespace.update", profile=profile)


def uses_of(house, desk, algorithm, purpose, scheme):
    """Every use of such a key: operation and fields. What is processed was protected before."""
    name = f"{algorithm}-{purpose}"
    chosen = {"scheme": scheme} if scheme else {}

    def made(operation, **fields):
        on(house, desk, Profile.LEGACY)
        return desk.ask(house.app, operation, name, **fields)

    if purpose is Purpose.SIGN_VERIFY:
        content = {"digest": bytes(64)} if scheme == "ml-dsa-mu" else {"message": BYTES}
        content |= chosen
        signature = made("key.sign", **content).signature
        return [("key.sign", content), ("key.verify", content | {"signature": signature})]
    if purpose is Purpose.MAC:
        tag = made("key.mac", message=BYTES).tag
        return [("key.mac", {"message": BYTES}), ("key.verify-mac", {"message": BYTES, "tag": tag})]
    if purpose is Purpose.AGREE:
        public = made("key.read-public-key").der
        return [("key.agree", {"public_key": public})]
    if purpose is Purpose.WRAP:
        wrapped = made("key.wrap", material=BYTES, **chosen).wrapped
        return [
            ("key.wrap", {"material": BYTES} | chosen),
            ("key.unwrap", {"wrapped": wrapped} | chosen),
        ]
    if purpose is Purpose.ENCAPSULATE and scheme != "hpke":
        blob = made("key.encapsulate", **chosen).ciphertext
        return [("key.encapsulate", chosen), ("key.decapsulate", {"ciphertext": blob} | chosen)]
    blob = made("key.encrypt", plaintext=BYTES, **chosen).ciphertext
    return [
        ("key.encrypt", {"plaintext": BYTES} | chosen),
        ("key.decrypt", {"ciphertext": blob} | chosen),
    ]


def expected(profile, algorithm, scheme):
    """The refusal's code, told from the tables in another way than the services do."""
    if profile == "approved":
        if ALGORITHMS[algorithm].standing != "approved":
            return "key-not-usable"
        if scheme and SCHEMES[scheme].standing != "approved":
            return "invalid-request"
    if profile == "standard" and scheme and SCHEMES[scheme].standing == "legacy":
        return "invalid-request"
    return ""


ROWS = [
    (algorithm, purpose, scheme)
    for algorithm, purpose in KEYS
    for scheme in ALGORITHMS[algorithm].schemes[purpose] or (None,)
]


@pytest.mark.parametrize(("algorithm", "purpose", "scheme"), ROWS)
def test_use_is_allowed_or_refused_as_the_profile_says(house, desk, algorithm, purpose, scheme):
    uses = uses_of(house, desk, algorithm, purpose, scheme)
    for profile, (operation, fields) in itertools.product(Profile, uses):
        on(house, desk, profile)
        _, reply = desk.reply(house.app, operation, f"{algorithm}-{purpose}", **fields)
        assert reply.code == expected(profile, algorithm, scheme), (profile, operation)
        if reply.code and profile is Profile.APPROVED:
            assert "not on the approved profile" in reply.detail


def test_each_profile_is_met_by_each_kind_of_answer():
    """The table above would say nothing if its rows were all alike."""
    told = {(p, expected(p, a, s)) for p in Profile for a, _, s in ROWS}
    assert told == {
        ("standard", ""), ("standard", "invalid-request"),
        ("approved", ""), ("approved", "invalid-request"), ("approved", "key-not-usable"),
        ("legacy", ""),
    }  # fmt: skip


def test_every_use_of_material_is_tried_above_or_is_of_the_default_algorithm_alone(house, desk):
    tried = {
        operation
        for algorithm, purpose in KEYS
        for scheme in ALGORITHMS[algorithm].schemes[purpose] or (None,)
        if not algorithm.startswith("rsa-3") and not algorithm.startswith("rsa-4")
        for operation, _ in uses_of(house, desk, algorithm, purpose, scheme)
    }
    alone = {"key.generate-data-key", "key.generate-data-key-pair", "key.re-encrypt"}
    of_material = {
        name for name, row in OPERATIONS.items() if row.use in (Use.PROTECT, Use.PROCESS)
    }
    assert of_material == tried | alone


@pytest.mark.parametrize(
    ("algorithm", "purpose"), [row for row in KEYS if not row[0].startswith("rsa")]
)
def test_key_is_made_as_the_profile_says(house, desk, algorithm, purpose):
    for profile in Profile:
        on(house, desk, profile)
        name = f"new-{algorithm}-{purpose}-{profile}"
        fields = {"name": name, "algorithm": algorithm, "purpose": purpose}
        _, reply = desk.reply(house.admin, "key.create", **fields)
        bad = profile == "approved" and ALGORITHMS[algorithm].standing != "approved"
        assert reply.code == ("invalid-request" if bad else "")
        if bad:
            assert (reply.pointer, algorithm in reply.detail) == ("$.algorithm", True)


@pytest.mark.parametrize(
    "algorithm",
    [a for a, row in ALGORITHMS.items() if row.kind == "asymmetric" and a[:3] != "rsa"],
)
def test_data_key_pair_is_made_as_the_profile_says(house, desk, algorithm):
    for profile in Profile:
        on(house, desk, profile)
        _, reply = desk.reply(
            house.app, "key.generate-data-key-pair", "aes-256-gcm-encrypt-decrypt",
            algorithm=algorithm,
        )  # fmt: skip
        bad = profile == "approved" and ALGORITHMS[algorithm].standing is not Standing.APPROVED
        assert reply.code == ("invalid-request" if bad else "")
        if bad:
            assert reply.pointer == "$.algorithm"


@pytest.mark.parametrize("algorithm", [a for a, row in ALGORITHMS.items() if a[:3] == "rsa"])
def test_rsa_1_5_tells_nothing_of_a_padding(house, desk, algorithm):
    """Whatever is under the key is a plaintext; whatever cannot be is refused dully, all alike."""
    on(house, desk, Profile.LEGACY)
    name = f"{algorithm}-decrypt"
    public = serialization.load_der_public_key(desk.ask(house.app, "key.read-public-key", name).der)
    numbers, size = public.public_numbers(), public.key_size // 8

    def decrypt(blob):
        return desk.reply(house.app, "key.decrypt", name, ciphertext=blob, scheme="rsa1_5")[1]

    def under_the_key(block):
        return pow(int.from_bytes(block), numbers.e, numbers.n).to_bytes(size)

    good = public.encrypt(BYTES, padding.PKCS1v15())
    opened = desk.ask(house.app, "key.decrypt", name, ciphertext=good, scheme="rsa1_5")
    assert opened.plaintext == BYTES
    filler = b"\x55" * (size - 3 - len(BYTES))
    blocks = {
        "sound": b"\0\2" + filler + b"\0" + BYTES,
        "of a signature": b"\0\1" + filler + b"\0" + BYTES,
        "no zero first": b"\1\2" + filler + b"\0" + BYTES,
        "no end": b"\0\2" + filler + b"\1" + b"\1" * len(BYTES),
        "too short a filler": b"\0\2" + b"\x55" * 7 + b"\0" + filler[8:] + BYTES + b"\1",
    }
    answers = {kind: decrypt(under_the_key(block)) for kind, block in blocks.items()}
    assert {(reply.code, reply.detail) for reply in answers.values()} == {("", "")}
    assert len({reply.answer for reply in answers.values()}) == len(blocks)
    again = {kind: decrypt(under_the_key(block)).answer for kind, block in blocks.items()}
    assert again == {kind: reply.answer for kind, reply in answers.items()}
    too_great = numbers.n.to_bytes(size)
    refused = [decrypt(blob) for blob in (b"", good[1:], good + b"\0", too_great, b"\xff" * size)]
    assert {(reply.code, reply.detail) for reply in refused} == {
        ("invalid-ciphertext", "The ciphertext or its context is not valid")
    }
    on(house, desk, Profile.STANDARD)
    assert decrypt(good).code == "invalid-request"
