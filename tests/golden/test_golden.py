"""Everything a release ever wrote still opens: by this program, and by a reader without it."""

import base64
import hashlib
import hmac
import json
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest

from strongroom.adapters.anchor_directory import AnchorDirectory
from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.seals.key_file import FILE_NAME, KeyFile
from strongroom.adapters.seals.passphrase import PassphraseSeal
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.software.format1 import FormatOneCipher
from strongroom.adapters.software.provider import SoftwareNamespace
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.adapters.system import SystemRandomness
from strongroom.domain import tokens
from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.domain.errors import InvalidCiphertext, TamperedRecord, Unauthenticated
from strongroom.domain.events import Event, canonical
from strongroom.domain.otp.credential import parse
from strongroom.domain.records import Kind
from strongroom.domain.sensitive import Sensitive
from strongroom.node.metrics import Meter
from strongroom.ports.seal import SealRefused
from strongroom.services.custodian import assemble
from strongroom.services.standing import standing
from strongroom.tlog.merkle import leaf_hash
from tests.golden import reader, uses
from tests.support.desks import Client, Clock, House
from tests.support.otp import hotp, totp

RELEASES = sorted(path for path in Path(__file__).parent.iterdir() if (path / "store.db").exists())
FILES = {
    "ciphertext.json", "wrap.json", "event.json", "token.json", "store.json", "store.db",
    "seal.json", "seal-opened.json", FILE_NAME,
}  # fmt: skip
SINCE = {
    "material.json": 2,
    "backup.json": 2,
    "anchor-checkpoint": 3,
    "anchor-destructions": 3,
}  # the first directory that has it


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request):
    return request.param


def sample(release, name):
    return json.loads((release / name).read_text())


def private(release, name, tmp_path):
    """A copy for nobody else's eyes: version control does not keep that."""
    copy = tmp_path / name
    shutil.copyfile(release / name, copy)
    copy.chmod(0o600)
    return copy


def test_there_is_a_sample_of_every_format_of_every_release(release):
    number = int(release.name.removeprefix("v"))
    new = {name for name, first in SINCE.items() if number >= first}
    assert {path.name for path in release.iterdir()} == FILES | new


def test_no_sample_was_changed_since_it_was_written():
    """A sample that is made anew proves nothing: what was written is what must open."""
    listed = (Path(__file__).parent / "SHA256SUMS").read_text().splitlines()
    found = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {release.name}/{path.name}"
        for release in RELEASES
        for path in sorted(release.iterdir())
    ]
    assert found == listed


# --- material 1 and raw results -------------------------------------------------------------------


def opened(whole):
    """Every use of every key of a sample: (what `uses` takes, what the key gave)."""
    public_keys = SoftwareProvider(Sensitive(bytes(32))).public_keys
    key, binding = bytes.fromhex(whole["namespace_key"]), bytes.fromhex(whole["binding"])
    for one in whole["keys"]:
        algorithm, wrapped = Algorithm(one["algorithm"]), bytes.fromhex(one["wrapped"])
        assert reader.unwrap(key, wrapped, binding).hex() == one["material"]
        for use in one["uses"]:
            handle = SoftwareNamespace(Sensitive(key)).open(
                algorithm, Purpose(use["purpose"]), wrapped, binding
            )
            scheme = None if use["scheme"] is None else Scheme(use["scheme"])
            given = (public_keys, handle, algorithm, scheme, bytes.fromhex(one["public"]))
            yield given, use["gave"]


def holding(name):
    """The directories that have such a sample."""
    return [path for path in RELEASES if (path / name).exists()]


@pytest.mark.parametrize("directory", holding("material.json"), ids=str)
def test_keys_of_every_algorithm_open_and_what_they_gave_still_holds(directory):
    for given, gave in opened(sample(directory, "material.json")):
        assert uses.holds(*given, gave), given[2:4]
        if not given[2].endswith(uses.AUTHENTICATES_NOTHING):
            assert not uses.holds(*given, uses.altered(gave)), given[2:4]


# --- backup 1 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("directory", holding("backup.json"), ids=str)
def test_a_backup_is_restored_where_the_same_root_key_is(directory, tmp_path):
    one = sample(directory, "backup.json")
    house = House(tmp_path / "store.db", root=bytes.fromhex(one["root"]))
    desk = house.desk()
    view = desk.ask(house.admin, "key.restore", backup=bytes.fromhex(one["backup"]))
    assert [version.state for version in view.versions] == ["active", "destroyed", "active"]
    for sealed in one["ciphertexts"]:
        fields = {"ciphertext": bytes.fromhex(sealed), "context": one["context"]}
        opened = desk.ask(house.app, "key.decrypt", **fields)
        assert opened.plaintext.hex() == one["plaintext"]
    house.store.close()


@pytest.mark.parametrize("directory", holding("backup.json"), ids=str)
def test_a_backup_opens_by_the_page_alone(directory):
    one = sample(directory, "backup.json")
    root, blob = bytes.fromhex(one["root"]), bytes.fromhex(one["backup"])
    first, destroyed, last = reader.open_backup(root, blob)["versions"]
    assert destroyed["material"] == b""
    for version, sealed in zip((first, last), one["ciphertexts"], strict=True):
        opened = reader.open_ciphertext(version["material"], bytes.fromhex(sealed), one["context"])
        assert opened.hex() == one["plaintext"]
    with pytest.raises(ValueError, match="no backup"):
        reader.open_backup(bytes(32), blob)


# --- ciphertext format 1 --------------------------------------------------------------------------


def test_ciphertexts_open(release):
    for one in sample(release, "ciphertext.json"):
        handle = FormatOneCipher(Sensitive(bytes.fromhex(one["material"])))
        blob = bytes.fromhex(one["ciphertext"])
        assert handle.decrypt(blob, one["context"]) == bytes.fromhex(one["plaintext"])
        with pytest.raises(InvalidCiphertext):
            handle.decrypt(blob, {**one["context"], "more": ""})


def test_ciphertexts_open_by_the_page_alone(release):
    for one in sample(release, "ciphertext.json"):
        material, blob = bytes.fromhex(one["material"]), bytes.fromhex(one["ciphertext"])
        opened = reader.open_ciphertext(material, blob, one["context"])
        assert opened == bytes.fromhex(one["plaintext"])
        assert blob[:21].hex() == "01" + one["key_id"] + f"{one['version']:08x}"
        with pytest.raises(ValueError, match="another key"):
            reader.open_ciphertext(bytes(32), blob, one["context"])


def test_the_same_random_value_gives_the_same_ciphertext_today(release):
    """Format 1 is all in its input: not a byte of what is written may move, either."""
    for one in sample(release, "ciphertext.json"):
        blob = bytes.fromhex(one["ciphertext"])
        handle = FormatOneCipher(Sensitive(bytes.fromhex(one["material"])))
        again = handle._encrypt_with(
            blob[21:53],
            bytes.fromhex(one["key_id"]),
            one["version"],
            bytes.fromhex(one["plaintext"]),
            one["context"],
        )
        assert again == blob


# --- wrap format 1 --------------------------------------------------------------------------------


def test_wrapped_keys_open(release):
    one = {name: bytes.fromhex(value) for name, value in sample(release, "wrap.json").items()}
    provider = SoftwareProvider(Sensitive(one["root"]))
    namespace = provider.open_namespace_key(one["wrapped_namespace_key"], one["namespace_binding"])
    assert namespace._key.reveal() == one["namespace_key"]
    opened = namespace.open(
        Algorithm.AES_256_GCM,
        Purpose.ENCRYPT_DECRYPT,
        one["wrapped_material"],
        one["material_binding"],
    )
    assert opened._key.digest(b"x") == hmac.digest(one["material"], b"x", "sha256")
    with pytest.raises(TamperedRecord):
        provider.open_namespace_key(one["wrapped_namespace_key"], one["material_binding"])


def test_wrapped_keys_open_by_the_page_alone(release):
    one = {name: bytes.fromhex(value) for name, value in sample(release, "wrap.json").items()}
    root = reader.root_wrapping_key(one["root"])
    namespace = reader.unwrap(root, one["wrapped_namespace_key"], one["namespace_binding"])
    assert namespace == one["namespace_key"]
    material = reader.unwrap(namespace, one["wrapped_material"], one["material_binding"])
    assert material == one["material"]


# --- entries and tokens ---------------------------------------------------------------------------


def test_entries_are_read_and_written_again_to_the_same_bytes(release):
    for one in sample(release, "event.json"):
        body = one["canonical"].encode()
        assert canonical(msgspec.json.decode(body, type=Event)) == body
        assert leaf_hash(body).hex() == one["leaf_hash"]


def test_entries_are_read_by_the_page_alone(release):
    for one in sample(release, "event.json"):
        body = one["canonical"].encode()
        assert reader.entry(body)["format"] == (1 if release.name in {"v1", "v2"} else 2)
        assert reader.leaf(body).hex() == one["leaf_hash"]
        with pytest.raises(ValueError, match="canonical"):
            reader.entry(body.replace(b",", b", ", 1))


def test_tokens_are_read(release):
    for one in sample(release, "token.json"):
        token_id, secret = bytes.fromhex(one["id"]), bytes.fromhex(one["secret"])
        assert tokens.token_id(one["text"]) == token_id
        assert tokens.spell(token_id, secret) == one["text"]
        assert tokens.text_id(token_id) == one["text_id"]
        assert reader.token(one["text"]) == (token_id, secret)
        mistyped = one["text"][:-1] + ("a" if one["text"][-1] != "a" else "b")
        with pytest.raises(Unauthenticated):
            tokens.token_id(mistyped)
        with pytest.raises(ValueError, match="mistyped"):
            reader.token(mistyped)


# --- seals ----------------------------------------------------------------------------------------


def test_the_passphrase_seal_opens(release, tmp_path):
    opened = sample(release, "seal-opened.json")
    path = private(release, "seal.json", tmp_path)
    seal = PassphraseSeal(path, Sensitive(opened["passphrase"].encode()))
    assert seal.open().reveal().hex() == opened["root"]
    with pytest.raises(SealRefused):
        PassphraseSeal(path, Sensitive(b"some other passphrase")).open()


def test_the_passphrase_seal_opens_by_the_page_alone(release):
    opened = sample(release, "seal-opened.json")
    root = reader.open_seal((release / "seal.json").read_text(), opened["passphrase"])
    assert root.hex() == opened["root"]


def test_the_development_key_file_opens(release, tmp_path):
    root = KeyFile(private(release, FILE_NAME, tmp_path)).open().reveal()
    text = (release / FILE_NAME).read_text()
    assert text == f"strongroom root key 1 {root.hex()}\n"


# --- a whole database -----------------------------------------------------------------------------


@pytest.fixture
def deployment(release, tmp_path):
    truth = sample(release, "store.json")
    store = SQLiteStore.open(str(private(release, "store.db", tmp_path)))
    clock = Clock()
    clock.now = truth["now_us"]
    staff = assemble(
        ledger=DirectLedger(store),
        provider=SoftwareProvider(Sensitive(bytes.fromhex(truth["root"]))),
        engine=CedarEngine(),
        clock=clock,
        randomness=SystemRandomness(),
        watch=Meter(),
        first_namespace=store.find(Kind.NAMESPACE, b"", "default").id,
        seal="test",
    )
    desk = Client(staff.desk, staff.steward, staff.alerts)
    yield truth, store, desk
    store.close()


def test_a_database_opens_and_its_ciphertexts_decrypt(deployment):
    truth, store, desk = deployment
    assert store.deployment.hex() == truth["deployment"]
    assert (store.tree.size, store.tree.root.hex()) == (truth["tree_size"], truth["tree_root"])
    for one in truth["sealed"]:
        fields = {"ciphertext": bytes.fromhex(one["ciphertext"]), "context": one["context"]}
        opened = desk.ask(one["token"], "key.decrypt", **fields)
        assert opened.plaintext.hex() == one["plaintext"]
        assert opened.key_version == one["version"]


def test_a_databases_states_policies_and_log_hold_on(deployment):
    truth, _, desk = deployment
    admin, app = truth["administrator"], truth["application"]
    assert desk.ask(admin, "key.read", "stopped").state == "suspended"
    assert desk.ask(admin, "key.read", "stopped").labels == {"team": "pay"}
    assert desk.refusal(app, "key.encrypt", "stopped", plaintext=b"") == "key-not-usable"
    assert desk.refusal(app, "key.read", "demo") == "not-allowed"  # by a stored policy
    assert desk.ask(truth["other"], "identity.read").namespace == "other"
    events = desk.ask(admin, "audit.read", limit=1_000).events
    assert [event.action for event in events][:3] == [
        "namespace.create",
        "key.encrypt",
        "key.rotate",
    ]
    assert any(event.reason == "not-allowed" for event in events)


def test_credentials_go_on_where_they_were(deployment):
    truth, _, desk = deployment
    for one in truth.get("credentials", ()):
        view = desk.ask(truth["administrator"], "otp.read", one["id"])
        assert (view.state, view.type) == (one["state"], one["type"])
        secret = bytes.fromhex(one["secret"])
        if one["type"] == "hotp":
            desk.ask(truth["administrator"], "otp.resume", one["id"])
            code = hotp(secret, one["moved"])
        else:
            code = totp(secret, truth["now_us"]) if secret else "000000"
        for right in (bool(secret), False):
            verdict = desk.ask(truth["administrator"], "otp.verify", one["id"], code=code)
            assert verdict.valid is right


def test_credentials_open_by_the_page_alone(release):
    truth = sample(release, "store.json")
    store = reader.Store(release / "store.db", bytes.fromhex(truth["root"]))
    for one in truth.get("credentials", ()):
        found = store.otp_secret(parse(one["id"]))
        state, kind, secret, moved = found
        assert (state, kind, secret.hex()) == (one["state"], one["type"], one["secret"])
        assert kind == "totp" or moved == one["moved"]


@pytest.mark.parametrize("directory", holding("anchor-checkpoint"), ids=str)
def test_a_database_is_the_one_that_its_anchor_knows(directory, tmp_path):
    truth = sample(directory, "store.json")
    anchor = AnchorDirectory(tmp_path / "anchor")
    anchor.make()
    for name in ("checkpoint", "destructions"):
        private(directory, f"anchor-{name}", tmp_path).rename(tmp_path / "anchor" / name)
    store = SQLiteStore.open(str(private(directory, "store.db", tmp_path)))
    provider = SoftwareProvider(Sensitive(bytes.fromhex(truth["root"])))
    assert standing(store, provider, anchor.read()) == ""
    assert store.checkpoints().counted_size == truth["tree_size"]
    store.close()


@pytest.mark.parametrize("directory", holding("anchor-checkpoint"), ids=str)
def test_the_last_checkpoint_is_verified_by_the_page_alone(directory):
    truth = sample(directory, "store.json")
    raw = (directory / "anchor-checkpoint").read_bytes()
    size, root = reader.checkpoint(raw, truth["vkeys"][0])
    assert (size, root.hex()) == (truth["tree_size"], truth["tree_root"])
    with pytest.raises(ValueError, match="not signed"):
        reader.checkpoint(raw.replace(b"\n%d\n" % size, b"\n%d\n" % (size + 1)), truth["vkeys"][0])


def test_a_database_can_go_on_being_written(deployment):
    truth, store, desk = deployment
    view = desk.ask(truth["administrator"], "key.rotate", "demo")
    assert view.current_version == 3
    assert store.tree.size == truth["tree_size"] + 1


def test_a_database_is_read_by_the_pages_alone(release):
    truth = sample(release, "store.json")
    store = reader.Store(release / "store.db", bytes.fromhex(truth["root"]))
    assert store.meta["deployment"].hex() == truth["deployment"]
    assert store.frontier() == (store.tree_size, store.tree_root)
    assert (store.tree_size, store.tree_root.hex()) == (truth["tree_size"], truth["tree_root"])
    for one in truth["sealed"]:
        opened = store.decrypt(bytes.fromhex(one["ciphertext"]), one["context"])
        assert opened.hex() == one["plaintext"]
    for name in ("administrator", "application", "other"):
        token_id, _ = reader.token(truth[name])
        stored = base64.b64decode(store.records["t", token_id]["hash"])
        assert stored == hashlib.sha256(truth[name].encode()).digest()


def test_a_touched_row_is_noticed_by_the_pages_alone(release, tmp_path):
    truth = sample(release, "store.json")
    path = private(release, "store.db", tmp_path)
    db = sqlite3.connect(path)
    with db:
        db.execute("UPDATE records SET revision = revision + 1 WHERE kind = 'k'")
    db.close()
    with pytest.raises(ValueError, match="touched"):
        reader.Store(path, bytes.fromhex(truth["root"]))


def test_another_root_key_opens_nothing(release):
    with pytest.raises(ValueError, match="touched"):
        reader.Store(release / "store.db", bytes(32))
