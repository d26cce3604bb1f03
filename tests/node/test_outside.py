"""What the configuration says of sinks, witnesses and the watcher: every mistake is named."""

import base64

import pytest

from strongroom.config import ConfigRefused, load
from strongroom.ports.sinks import FileSettings, SyslogSettings, WebhookSettings
from strongroom.tlog.vkeys import Algorithm, VKey
from tests.support.certificates import write_certificate

_NEEDED = '[store]\npath = "s.db"\n[seal]\nkind = "passphrase"\nfile = "seal.json"\n'


@pytest.fixture
def read(tmp_path):
    write_certificate(tmp_path)
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_bytes(b"whsec_" + base64.b64encode(bytes(32)))

    def loaded(text):
        path = tmp_path / "strongroom.toml"
        path.write_text(_NEEDED + text)
        return load(path)

    return loaded


def sink(kind, **settings):
    given = {"name": "one", **settings}
    lines = [f'kind = "{kind}"', *(f"{name} = {_toml(value)}" for name, value in given.items())]
    return "[[sinks]]\n" + "\n".join(lines) + "\n"


def _toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def witness(name="w", algorithm=Algorithm.ED25519_COSIGNATURE, *, url="https://w.example", mark=0):
    key = VKey(name, algorithm, bytes([9 + mark]) * 32)
    return f'[[audit.witnesses]]\nurl = "{url}"\nkey = "{key}"\n'


def test_sinks_of_every_kind_are_read_with_their_paths_beside_the_file(read, tmp_path):
    config = read(
        sink("syslog", name="siem", address="siem.example:6514", tls_ca="chain.pem")
        + sink("webhook", name="hook", url="https://h.example/in", secret_file="secret")
        + sink("file", name="archive", path="audit.csv", format="csv", actions=["key.*"])
    )
    syslog, webhook, file = config.sinks
    assert isinstance(syslog, SyslogSettings)
    assert syslog.tls_ca == str(tmp_path / "chain.pem")
    assert isinstance(webhook, WebhookSettings)
    assert webhook.secret_file == str(tmp_path / "secret")
    assert isinstance(file, FileSettings)
    assert file.path == str(tmp_path / "audit.csv")
    assert file.actions == ("key.*",)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (sink("pigeon"), "pigeon"),
        ("[[sinks]]\nname = 'x'\n", "kind"),
        (sink("file"), "path"),
        (sink("file", path="x", colour="red"), "colour"),
        (sink("file", path="x", name="One"), "sinks[0].name"),
        (sink("file", path="x", name=""), "sinks[0].name"),
        (sink("file", path="x", keep=0), "sinks[0].keep"),
        (sink("file", path="x", **{"from": "now"}), "sinks[0].from"),
        (sink("file", path="x", format="xml"), "there is no format 'xml'"),
        (sink("file", path="x", actions=["key.frobnicate"]), "no action is 'key.frobnicate'"),
        (sink("file", path="x", actions=["*.encrypt"]), "no action is"),
        (sink("file", path="x", actions=["kei.*"]), "no action is 'kei.*'"),
        (sink("file", path="x") + sink("file", path="y"), "two sinks of the name 'one'"),
        (sink("file", path="x") + sink("file", path="x", name="b"), "two sinks write to"),
        (sink("file", path="x") + sink("file", path="./y/../x", name="b"), "two sinks write to"),
        (sink("file", path="x") + sink("file", path="x.1", name="b"), "two sinks write to"),
        (sink("file", path=""), "not the name of a file"),
        (sink("file", path="x\\u0000"), "not the name of a file"),
        # A file sink takes away what is no whole line: what is needed must not be one.
        (sink("file", path="seal.json"), "seal.json is not for sinks"),
        (sink("file", path="s.db"), "s.db is not for sinks"),
        (sink("file", path="s.db-wal"), "s.db-wal is not for sinks"),
        (sink("file", path="lock"), "lock is not for sinks"),
        (sink("file", path="anchor/checkpoint"), "checkpoint is not for sinks"),
        (sink("file", path="archive/tile/entries/000"), "000 is not for sinks"),
        (sink("file", path="strongroom.toml"), "strongroom.toml is not for sinks"),
        (
            sink("file", path="secret")
            + sink("webhook", name="b", url="https://h", secret_file="secret"),
            "secret is not for sinks",
        ),
        ("".join(sink("file", path=f"{n}", name=f"n{n}") for n in range(17)), "16 are possible"),
        (sink("syslog", address="siem.example:6514", format="csv"), "it is for files"),
        (sink("syslog", address="siem.example"), "siem.example:6514"),
        (sink("syslog", address="siem..example:6514"), "siem.example:6514"),
        (sink("syslog", address=f"{'a' * 64}.example:6514"), "siem.example:6514"),
        (sink("syslog", address="siem.example:514", tls=False), "TLS is needed"),
        (sink("syslog", address="s:1", tls_ca="nowhere.pem"), "nowhere.pem"),
        (sink("syslog", address="s:1", tls_certificate="chain.pem"), "go together"),
        (sink("syslog", address="s:1", tls_key="key.pem"), "go together"),
        (sink("webhook", url="https://h", secret_file="nowhere"), "nowhere"),
        (sink("webhook", url="https://h", secret_file="chain.pem"), "chain.pem"),
        (sink("webhook", url="http://h.example", secret_file="secret"), "begin with https://"),
        (sink("webhook", url="https://h", secret_file="secret", format="cef"), "lines of JSON"),
        ("[audit]\nwitnesses_required = 1\n", "there are 0 witnesses"),
        ("[audit]\nwitnesses_required = 17\n", "audit.witnesses_required"),
        ("[[audit.witnesses]]\nurl = 'https://w'\nkey = 'x'\n", "the key of the witness https://w"),
        (witness(algorithm=Algorithm.ED25519), "not one that cosigns"),
        (witness(url="http://w.example"), "begin with https://"),
        (witness(url="https://w.example/?log=1"), "has a query"),
        (witness() + witness(mark=1), "the witness w is there twice"),
        (witness() + witness("v"), "the witness v is there twice"),
        ("".join(witness(f"w{n}", mark=n) for n in range(17)), "16 are possible"),
        ("[watch.no-such-rule]\non = false\n", "no rule 'no-such-rule'"),
        ("[watch.decrypt-rate]\nfactor = 'high'\n", "decrypt-rate.factor"),
        ("[watch.decrypt-rate]\nfactor = 0\n", "decrypt-rate.factor"),
        ("[watch]\ndecrypt-rate = 3\n", "watch"),
    ],
)
def test_mistake_is_refused_in_one_line_that_names_it(read, text, named):
    with pytest.raises(ConfigRefused) as refused:
        read(text)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_file_named_like_another_is_for_a_sink(read, tmp_path):
    (tmp_path / "seal.json").touch()
    config = read(sink("file", path="seal") + sink("file", name="b", path="sale.json"))
    assert [each.name for each in config.sinks] == ["one", "b"]


def test_secret_is_not_shown_by_the_refusal(read, tmp_path):
    (tmp_path / "secret").write_text("whsec_" + "hunter2")
    with pytest.raises(ConfigRefused) as refused:
        read(sink("webhook", url="https://h", secret_file="secret"))
    assert "hunter2" not in str(refused.value)


def test_witnesses_and_rules_are_read(read):
    config = read(
        "[audit]\nwitnesses_required = 2\n"
        + witness()
        + witness("v", mark=1, url="http://127.0.0.1:7650/witness/")
        + "[watch.decrypt-rate]\nfactor = 9\non = false\n"
    )
    assert config.audit.witnesses_required == 2
    assert len(config.audit.witnesses) == 2
    assert config.watch == {"decrypt-rate": {"factor": 9, "on": False}}
