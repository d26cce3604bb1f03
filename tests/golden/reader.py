"""A second reader of every format, written from `docs/formats/` alone, without Strongroom.

Standard library, and AES-GCM and Argon2id of `cryptography`. What does not open is a `ValueError`.
"""

import base64
import hashlib
import hmac
import json
import re
import sqlite3

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id


def listed(*parts):
    """LIST of `docs/formats/README.md`."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def kbkdf(key, label, context):
    """KDF of `docs/formats/README.md`: 64 bytes, as two halves."""
    halves = []
    for counter in (1, 2):
        message = counter.to_bytes(4, "big") + label + b"\0" + context + (512).to_bytes(4, "big")
        halves.append(hmac.new(key, message, hashlib.sha256).digest())
    return tuple(halves)


def gcm_open(key, nonce, sealed, authenticated):
    try:
        return AESGCM(key).decrypt(nonce, sealed, authenticated)
    except InvalidTag:
        raise ValueError("does not open") from None


def open_ciphertext(material, blob, context):
    """`docs/formats/ciphertext-1.md`."""
    if len(blob) < 101 or blob[0] != 1 or blob[17:21] == bytes(4):
        raise ValueError("no ciphertext of format 1")
    header, random, commitment, sealed = blob[:21], blob[21:53], blob[53:85], blob[85:]
    key, expected = kbkdf(material, b"strongroom/ciphertext/1", random)
    if not hmac.compare_digest(commitment, expected):
        raise ValueError("another key")
    pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
    bound = len(pairs).to_bytes(4, "big") + listed(*(part for pair in pairs for part in pair))
    return gcm_open(key, bytes(12), sealed, listed(header, bound))


def unwrap(key, wrapped, binding):
    """`docs/formats/wrap-1.md`."""
    head, random, sealed = wrapped[:5], wrapped[5:37], wrapped[37:]
    if head != b"\1\0\0\0\0":
        raise ValueError("no wrap of format 1")
    once, _ = kbkdf(key, b"strongroom/wrap/1", random)
    return gcm_open(once, bytes(12), sealed, listed(head, binding))


def root_wrapping_key(root):
    """The key that wraps namespace keys."""
    return kbkdf(root, b"strongroom/root-wrap/1", b"")[0]


def record_mac(root, deployment, row):
    """`docs/formats/record-1.md`. A row is kind, id, namespace, name, revision, request, body."""
    kind, record_id, namespace, name, revision, request, body = row
    message = listed(
        b"strongroom/record/1",
        deployment,
        kind.encode(),
        record_id,
        namespace,
        name.encode(),
        revision.to_bytes(8, "big"),
        request.encode(),
        body.encode(),
    )
    key = kbkdf(root, b"strongroom/record-mac/1", b"")[0]
    return hmac.new(key, message, hashlib.sha256).digest()


def open_backup(root, blob):
    """`docs/formats/backup-1.md`: the contents, each version with its `material`."""
    body, mac = blob[:-32], blob[-32:]
    key = kbkdf(root, b"strongroom/record-mac/1", b"")[0]
    expected = hmac.new(key, listed(b"strongroom/backup/1", body), hashlib.sha256).digest()
    if body[:5] != b"SRBK\1" or not hmac.compare_digest(mac, expected):
        raise ValueError("no backup of format 1 under this root key")
    contents = json.loads(body[5:])
    written = json.dumps(contents, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if written.encode() != body[5:]:
        raise ValueError("another spelling")
    words = [contents["key"][name].encode() for name in ("purpose", "algorithm")]
    vault = kbkdf(root, b"strongroom/backup-wrap/1", b"")[0]
    for number, version in enumerate(contents["versions"], 1):
        wrapped = base64.b64decode(version["wrapped"])
        place = (base64.b64decode(contents["id"]), number.to_bytes(4, "big"), *words)
        binding = listed(b"strongroom/backup-version/1", *place)
        version["material"] = unwrap(vault, wrapped, binding) if wrapped else b""
    return contents


def entry(body):
    """`docs/formats/event-1.md` and `event-2.md`: the fields, if this is their one spelling."""
    fields = json.loads(body)
    written = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if written.encode() != body or fields.get("format") not in {1, 2}:
        raise ValueError("no entry in its canonical form")
    return fields


def leaf(body):
    """RFC 6962, 2.1."""
    return hashlib.sha256(b"\0" + body).digest()


def root_hash(leaves):
    """RFC 6962, 2.1, as it is defined there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = root_hash(leaves[:half]), root_hash(leaves[half:])
    return hashlib.sha256(b"\1" + left + right).digest()


def checkpoint(raw, vkey):
    """`docs/formats/checkpoint-1.md`: size and root, if the Ed25519 key of that name signed it."""
    name, key_id, key = vkey.split("+", 2)
    text, _, signatures = raw.decode().partition("\n\n")
    text += "\n"
    public = base64.b64decode(key)
    assert public[0] == 1
    named = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
    assert named.hex() == key_id
    for line in signatures.splitlines():
        _, signer, blob = line.split(" ")
        signature = base64.b64decode(blob)
        if (signer, signature[:4]) == (name, named):
            break
    else:
        raise ValueError("not signed by that key")
    try:
        Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[4:], text.encode())
    except InvalidSignature:
        raise ValueError("not signed by that key") from None
    origin, size, root = text.splitlines()
    assert origin == name
    return int(size), base64.b64decode(root)


def token(text):
    """`docs/formats/token-1.md`: the id and the secret."""
    if not re.fullmatch(r"srt_[a-z2-7]{72}", text):
        raise ValueError("no token")
    raw = base64.b32decode(text[4:].upper())
    token_id, secret, checksum = raw[:10], raw[10:42], raw[42:]
    if hashlib.sha256(b"srt_" + token_id + secret).digest()[:3] != checksum:
        raise ValueError("mistyped")
    return token_id, secret


def open_seal(text, passphrase):
    """`docs/formats/seal-passphrase-1.md`."""
    file = json.loads(text)
    if file["format"] != "strongroom passphrase seal 1":
        raise ValueError("another seal")
    salt, nonce, wrapped = (base64.b64decode(file[n]) for n in ("salt", "nonce", "wrapped"))
    numbers = [file[name] for name in ("passes", "lanes", "memory_kib")]
    bound = listed(file["format"].encode(), *(n.to_bytes(4, "big") for n in numbers), salt)
    key = Argon2id(
        salt=salt, length=32, iterations=numbers[0], lanes=numbers[1], memory_cost=numbers[2]
    ).derive(passphrase.encode())
    return gcm_open(key, nonce, wrapped, bound)


class Store:
    """`docs/formats/store-1.md`: a database with its root key, all of it read and checked."""

    def __init__(self, path, root):
        db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        try:
            assert db.execute("PRAGMA application_id").fetchone() == (0x5374726D,)
            (schema,) = db.execute("PRAGMA user_version").fetchone()
            assert schema in (1, 2, 3, 4)
            log = "entries" if schema < 3 else "log"
            where = " WHERE live = 1" if schema > 1 else ""
            self.meta = dict(db.execute("SELECT name, value FROM meta"))
            rows = db.execute(
                "SELECT kind, id, namespace, name, revision, request, body, mac FROM records"
                + where
            ).fetchall()
            entries = db.execute(
                f"SELECT position, request, leaf_hash, body FROM {log} ORDER BY position"
            ).fetchall()
            credentials = []
            if schema > 3:
                credentials = db.execute(
                    "SELECT id, namespace, user, revision, state, due_us, body, mac"
                    " FROM credentials WHERE live = 1"
                ).fetchall()
        finally:
            db.close()
        self._root, self.credentials = root, {}
        for row in credentials:
            self._learn(*row)
        self.records = {}
        for *row, mac in rows:
            if record_mac(root, self.meta["deployment"], row) != mac:
                raise ValueError("a row was touched")
            self.records[row[0], row[1]] = {
                "namespace": row[2],
                "name": row[3],
                "revision": row[4],
                "request": row[5],
                **json.loads(row[6]),
            }
        self.entries = [entry(body.encode()) for *_, body in entries]
        leaves = [leaf(body.encode()) for *_, body in entries]
        assert [position for position, *_ in entries] == list(range(len(entries)))
        assert leaves == [stored for _, _, stored, _ in entries]
        assert [request for _, request, _, _ in entries] == [e["request"] for e in self.entries]
        self.tree_size, self.tree_root = len(leaves), root_hash(leaves)

    def frontier(self):
        """The size and the root that the stored frontier stands for."""
        stored = self.meta["frontier"]
        size = int.from_bytes(stored[:8], "big")
        peaks = [stored[at : at + 32] for at in range(8, len(stored), 32)]
        assert len(peaks) == size.bit_count()
        root = peaks.pop()
        while peaks:
            root = hashlib.sha256(b"\1" + peaks.pop() + root).digest()
        return size, root

    def _learn(self, credential, namespace, user, revision, state, due_us, body, mac):
        """`docs/formats/credential-1.md`: a row, its MAC checked and its body parsed."""
        body = body.rstrip(b"\0")[:-1]
        message = listed(
            b"strongroom/credential/1", self.meta["deployment"], credential, namespace, user,
            revision.to_bytes(8, "big"), state.encode(), due_us.to_bytes(8, "big"), body,
        )  # fmt: skip
        key, _ = kbkdf(self._root, b"strongroom/record-mac/1", b"")
        if hmac.digest(key, message, "sha256")[:16] != mac:
            raise ValueError("a row was touched")
        if state != "decoy":
            self.credentials[credential] = namespace, state, msgspec.msgpack.decode(body)

    def otp_secret(self, credential):
        """State, type, the newest secret in the open, and what no code below is accepted of."""
        namespace_id, state, body = self.credentials[credential]
        kind, hash_, digits, period, _, generations = body[:6]
        if not generations:
            return state, kind, b"", 0
        number, wrapped, moved = (*generations[-1], 0, 0)[:3]
        suite = body[7] if len(body) > 7 else ""
        place = listed(
            b"strongroom/otp-secret/1", self.meta["deployment"], namespace_id, credential,
            number.to_bytes(4, "big"), kind.encode(), hash_.encode(), digits.to_bytes(1, "big"),
            period.to_bytes(2, "big"), suite.encode(),
        )  # fmt: skip
        return state, kind, unwrap(self._namespace_key(namespace_id), wrapped, place), moved

    def _namespace_key(self, namespace_id):
        return unwrap(
            root_wrapping_key(self._root),
            base64.b64decode(self.records["n", namespace_id]["wrapped_key"]),
            listed(b"strongroom/namespace-key/1", self.meta["deployment"], namespace_id),
        )

    def decrypt(self, blob, context):
        """The plaintext of a ciphertext made by this deployment."""
        deployment = self.meta["deployment"]
        key_id, number = blob[1:17], blob[17:21]
        key, version = self.records["k", key_id], self.records["v", key_id + number]
        namespace_key = self._namespace_key(key["namespace"])
        place = listed(
            b"strongroom/key-version/1",
            deployment,
            key["namespace"],
            key_id,
            number,
            b"encrypt-decrypt",
            version["algorithm"].encode(),
        )
        material = unwrap(namespace_key, base64.b64decode(version["wrapped"]), place)
        return open_ciphertext(material, blob, context)
