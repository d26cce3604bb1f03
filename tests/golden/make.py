"""Writes a release's samples, once: `python -m tests.golden.make DIRECTORY`. Never over old ones.

Everything is made by the program itself; `test_golden.py` then opens it, and `reader.py` does so
without the program.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import apsw
import msgspec

from strongroom.adapters.seals.key_file import FILE_NAME, KeyFile
from strongroom.adapters.seals.passphrase import PassphraseSeal
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.software.provider import _unwrap
from strongroom.adapters.system import SystemRandomness
from strongroom.domain.algorithms import ALGORITHMS, Algorithm, Purpose
from strongroom.domain.events import FORMAT, Event, Outcome, canonical
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.times import DAY_US
from strongroom.domain.tokens import ID_BYTES, SECRET_BYTES, spell, text_id
from strongroom.tlog.merkle import leaf_hash
from tests.golden import reader, uses
from tests.support.alerts import raised
from tests.support.desks import House
from tests.support.notaries import Signed
from tests.support.regions import EU, US, founded

PASSPHRASE = "correct horse battery staple"
CONTEXT = {"tenant": "Zürich", "": "empty name", "a": "bc", "ab": "c"}
PLAINTEXTS = [b"", b"4111 1111 1111 1111", bytes(range(256))]


def main(directory: Path) -> None:
    """All samples. Raises `FileExistsError` when there are some."""
    directory.mkdir(parents=True)

    def keep(name, sample):
        text = json.dumps(sample, indent=1, ensure_ascii=False, sort_keys=True)
        (directory / name).write_text(text + "\n")

    keep("ciphertext.json", ciphertexts())
    keep("wrap.json", wraps())
    keep("material.json", materials())
    keep("backup.json", backups())
    keep("event.json", events())
    keep("token.json", tokens())
    keep("store.json", store(directory))
    KeyFile.make(directory / FILE_NAME, SystemRandomness())
    seal = directory / "seal.json"
    made = PassphraseSeal.make(seal, Sensitive(PASSPHRASE.encode()), SystemRandomness())
    keep("seal-opened.json", {"passphrase": PASSPHRASE, "root": made.open().reveal().hex()})


def ciphertexts():
    """Ciphertexts under material that is shown."""
    provider = SoftwareProvider(Sensitive(os.urandom(32)))
    namespace = provider.open_namespace_key(provider.generate_namespace_key(b""), b"")
    made = namespace.generate(Algorithm.AES_256_GCM, b"")
    handle = namespace.open(Algorithm.AES_256_GCM, Purpose.ENCRYPT_DECRYPT, made.wrapped, b"")
    material = _unwrap(namespace._wrapping_key, made.wrapped, b"")
    key_id = os.urandom(16)
    return [
        {
            "material": material.hex(),
            "key_id": key_id.hex(),
            "version": version,
            "context": context,
            "plaintext": plaintext.hex(),
            "ciphertext": handle.encrypt(key_id, version, plaintext, context).hex(),
        }
        for version, context in ((1, {}), (2**32 - 1, CONTEXT))
        for plaintext in PLAINTEXTS
    ]


def wraps():
    """A namespace key under a root key, and material under the namespace key."""
    root = os.urandom(32)
    provider = SoftwareProvider(Sensitive(root))
    wrapped = provider.generate_namespace_key(b"a namespace's place")
    namespace = provider.open_namespace_key(wrapped, b"a namespace's place")
    material = namespace.generate(Algorithm.AES_256_GCM, b"a version's place").wrapped
    return {
        "root": root.hex(),
        "namespace_binding": b"a namespace's place".hex(),
        "wrapped_namespace_key": wrapped.hex(),
        "namespace_key": namespace._key.reveal().hex(),
        "material_binding": b"a version's place".hex(),
        "wrapped_material": material.hex(),
        "material": _unwrap(namespace._wrapping_key, material, b"a version's place").hex(),
    }


def materials():
    """A key of every algorithm, and a use of it for every purpose by every scheme."""
    provider = SoftwareProvider(Sensitive(os.urandom(32)))
    namespace = provider.open_namespace_key(provider.generate_namespace_key(b""), b"")
    key, binding = namespace._key.reveal(), b"a version's place"
    rows = []
    for algorithm, facts in ALGORITHMS.items():
        made = namespace.generate(algorithm, binding)
        handles = {
            purpose: namespace.open(algorithm, purpose, made.wrapped, binding)
            for purpose in facts.schemes
        }
        rows.append(
            {
                "algorithm": algorithm,
                "wrapped": made.wrapped.hex(),
                "material": reader.unwrap(key, made.wrapped, binding).hex(),
                "public": made.public.hex(),
                "uses": [
                    {
                        "purpose": purpose,
                        "scheme": scheme,
                        "gave": uses.made(
                            provider.public_keys, handles[purpose], algorithm, scheme, made.public
                        ),
                    }
                    for purpose, schemes in facts.schemes.items()
                    for scheme in schemes or (None,)
                ],
            }
        )
    return {"namespace_key": key.hex(), "binding": binding.hex(), "keys": rows}


def backups():
    """A backup of a key with a version that was destroyed, and a ciphertext of each of two."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder) / "store.db")
        desk, sealed = house.desk(), []
        desk.ask(house.admin, "key.create", name="saved", labels={"team": "é"})
        for number in range(3):
            if number:
                desk.ask(house.admin, "key.rotate", "saved")
            made = desk.ask(house.app, "key.encrypt", "saved", plaintext=b"saved", context=CONTEXT)
            sealed.append(made.ciphertext)
        desk.ask(house.admin, "key.schedule-destruction", "saved", key_version=2, days=7)
        house.clock.now += 7 * DAY_US
        desk.steward()
        blob = desk.ask(house.admin, "key.backup", "saved").backup
        house.store.close()
    return {
        "root": house.root.hex(),
        "backup": blob.hex(),
        "context": CONTEXT,
        "plaintext": b"saved".hex(),
        "ciphertexts": [sealed[0].hex(), sealed[2].hex()],
        "destroyed": sealed[1].hex(),
    }


def events():
    """Audit entries in their canonical form: the least, and one with everything."""
    least = Event(
        action="key.read",
        format=FORMAT,
        namespace="default",
        outcome=Outcome.REFUSED,
        request="0" * 32,
        time="2026-09-21T14:13:20.000000Z",
    )
    most = msgspec.structs.replace(
        least,
        details={"count": 3, "failed": 1, "keys": ["b", "a"], "contexts": "0f" * 32},
        missing='no policy permits key.read; "quoted" \\ \x00\x1f\b\f\n\r\t\x7f é \u2028 😀',
        object="key/demo",
        outcome=Outcome.ALLOWED,
        policies=["policy:mine#2", "role:key-user"],
        principal="app",
        reason="not-allowed",
        records=[f"k/{'0f' * 16}/1/{'a0' * 16}", f"v/{'0f' * 20}/{2**53}/{'0a' * 16}"],
        sealed="f0" * 32,
        source="::1",
        token="abcdefghijklmnop",
        version=2**32 - 1,
    )
    return [
        {"canonical": body.decode(), "leaf_hash": leaf_hash(body).hex()}
        for body in map(canonical, (least, most))
    ]


def tokens():
    """Tokens' texts."""
    samples = [(bytes(ID_BYTES), bytes(SECRET_BYTES)), (os.urandom(10), os.urandom(32))]
    return [
        {"id": i.hex(), "secret": s.hex(), "text": spell(i, s), "text_id": text_id(i)}
        for i, s in samples
    ]


def store(directory):
    """A whole small deployment, and what is true of it."""
    with tempfile.TemporaryDirectory() as folder:
        signed = Signed(Path(folder))
        truth = furnished(signed)
        (directory / "store.db").write_bytes(Path(signed.house.path).read_bytes())
        (directory / "anchor-checkpoint").write_bytes(signed.files.checkpoint)
        (directory / "anchor-destructions").write_bytes(signed.files.destructions)
    return truth


def furnished(signed):  # noqa: PLR0915 - one thing after another
    """Every kind of record, and a log that is signed."""
    house, desk = signed.house, signed.desk
    admin, app = house.admin, house.app
    sealed = []

    def encrypt(token, name, plaintext, context):
        made = desk.ask(token, "key.encrypt", name, plaintext=plaintext, context=context)
        sealed.append(
            {
                "token": token,
                "ciphertext": made.ciphertext.hex(),
                "plaintext": plaintext.hex(),
                "context": context,
                "version": made.key_version,
            }
        )

    encrypt(app, "demo", b"before the rotation", {})
    desk.ask(admin, "key.rotate", "demo")
    encrypt(app, "demo", b"after the rotation", CONTEXT)
    desk.ask(admin, "key.create", name="stopped", labels={"team": "pay"}, description="é")
    desk.ask(admin, "key.disable", "stopped")
    desk.ask(admin, "alias.write", "current", key="demo")
    desk.ask(admin, "token.create-access-key", principal="app", session=True)
    desk.ask(admin, "alias.write", "aws.long", key="demo", spelt="App/Demo")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    desk.ask(admin, "key.write-policy", "stopped", policy=json.dumps({"Statement": statement}))
    granted = {"grantee": "app", "operations": ["Decrypt"], "context_equals": CONTEXT}
    desk.ask(admin, "grant.create", "demo", **granted, retiring="admin", name="lasts")
    ended = desk.ask(admin, "grant.create", "demo", **granted).id
    desk.ask(admin, "grant.revoke", "demo", grant=ended)
    desk.ask(
        admin, "key.create", name="bounded", origin="imported", exportable=True,
        activates="2030-01-01T00:00:00Z", deactivates="2031-01-01T00:00:00Z",
        control={
            "operations": ["key.decrypt"], "uses_max": 7, "rate_uses": 2, "rate_seconds": 3,
            "required_context": ["tenant"], "not_after": "2032-01-01T00:00:00Z",
        },
    )  # fmt: skip
    desk.ask(admin, "key.import-parameters", "bounded", wrapping_key="rsa-2048")
    desk.ask(admin, "key.create", name="doomed")
    desk.ask(admin, "key.schedule-destruction", "doomed", days=30)
    desk.ask(admin, "namespace.update", destruction_days_min=8, publishes_keys=True)
    credentials = one_time_passwords(desk, admin)
    text = 'forbid (principal == Principal::"app", action == Action::"key.read", resource);'
    desk.ask(admin, "policy.write", "mine", text=text)
    other = desk.ask(admin, "namespace.create", name="other").token
    desk.ask(other, "principal.create", name="user", roles=["key-user"])
    user = desk.ask(other, "token.create", principal="user").token
    desk.ask(other, "key.create", name="demo")
    encrypt(user, "demo", b"another namespace", {})
    regions = founded(desk, admin)
    desk.ask(regions[EU], "key.create", name="everywhere", multi_region=True)
    desk.ask(regions[EU], "key.replicate", "everywhere", region=US)
    desk.refusal(app, "key.disable", "demo")
    desk.ask(admin, "namespace.update", private_sources=True)
    desk.refusal(app, "key.disable", "demo")
    raised(house, desk)
    desk.ask(admin, "key.create", name="gone")
    desk.ask(admin, "key.schedule-destruction", "gone", days=8)
    house.clock.now += 9 * DAY_US
    desk.steward()
    signed.sign()
    tree = house.store.tree
    vkeys = [str(vkey) for vkey in signed.vkeys()]
    house.store.close()
    with apsw.Connection(house.path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return {
        "vkeys": vkeys,
        "root": house.root.hex(),
        "deployment": house.store.deployment.hex(),
        "now_us": house.clock.now,
        "administrator": admin,
        "application": app,
        "other": other,
        "sealed": sealed,
        "credentials": credentials,
        "tree_size": tree.size,
        "tree_root": tree.root.hex(),
    }


def one_time_passwords(desk, admin):
    """Credentials in several states, a profile and a job; and what is true of them."""
    text = 'permit (principal == Principal::"admin", action, resource);'
    desk.ask(admin, "policy.write", "otp", text=text)
    desk.ask(admin, "otp.write-profile", "cards", digits=8, algorithm="SHA256")
    secrets = [bytes(range(start, start + 20)) for start in (0, 20, 40)]
    items = [
        {"secret": secrets[0], "user": "customer-1"},
        {"secret": secrets[1], "user": "customer-2", "type": "hotp", "counter": 7, "serial": "A1"},
        {"secret": secrets[2], "user": "customer-3"},
    ]
    made = [one.id for one in desk.ask(admin, "otp.import", items=items).items]
    desk.ask(admin, "otp.suspend", made[1])
    desk.ask(admin, "otp.destroy", made[2])
    desk.ask(admin, "otp.enrol", user="customer-4", profile="cards", account="a", issuer="b")
    desk.ask(admin, "otp.create-job", action="suspend", filter={"profile": "cards"})
    states = ("active", "totp", secrets[0], 0), ("suspended", "hotp", secrets[1], 7)
    return [
        {"id": name, "state": state, "type": kind, "secret": secret.hex(), "moved": moved}
        for name, (state, kind, secret, moved) in zip(
            made, (*states, ("destroyed", "totp", b"", 0)), strict=True
        )
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
