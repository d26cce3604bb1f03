"""A token goes to a server whose certificate is trusted, or nowhere."""

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from strongroom.cli.run import run
from strongroom.client import Client, InvalidArgumentError, UnreachableError
from tests.support.standin import StandIn


def certificate(folder, name, address):
    """A certificate that signs itself, and its key; two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def server(folder):
    public, key = certificate(folder, "kms", "127.0.0.1")
    with StandIn(folder / "store.db", certificate=public, key=key) as standing:
        yield standing


def test_named_ca_is_trusted(server, folder):
    with Client(server.url, server.admin, ca_file=str(folder / "kms.pem")) as client:
        assert client.whoami().principal == "admin"


@pytest.mark.parametrize("other", [None, "other"])
def test_certificate_of_nobody_we_trust_gets_no_token(server, folder, other):
    """Without a CA file the system's CAs count; with one, that CA alone."""
    if other:
        certificate(folder, "other", "127.0.0.1")
    ca_file = str(folder / f"{other}.pem") if other else None
    asked = len(server.asked)
    with (
        Client(server.url, server.admin, ca_file=ca_file) as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.whoami()
    assert "certificate is not trusted" in caught.value.reason
    assert not caught.value.sent
    assert len(server.asked) == asked


def test_certificate_of_another_address_gets_no_token(tmp_path):
    public, key = certificate(tmp_path, "elsewhere", "127.0.0.9")
    with (
        StandIn(tmp_path / "store.db", certificate=public, key=key) as elsewhere,
        Client(elsewhere.url, elsewhere.admin, ca_file=str(public)) as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.whoami()
    assert "certificate is not trusted" in caught.value.reason
    assert not elsewhere.asked


def test_server_without_tls_gets_no_token_from_who_expects_it(tmp_path):
    with (
        StandIn(tmp_path / "store.db") as plain,
        Client(plain.url.replace("http:", "https:"), plain.admin) as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.whoami()
    assert not caught.value.sent
    assert not plain.asked


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_ca_file_that_is_none_is_refused(tmp_path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidArgumentError) as caught:
        Client("https://127.0.0.1:1", "srt_a", ca_file=str(file))
    assert "cannot be used" in str(caught.value)


def test_command_says_how_to_trust_a_private_ca(server, folder, monkeypatch, capsys):
    monkeypatch.setenv("STRONGROOM_URL", server.url)
    monkeypatch.setenv("STRONGROOM_TOKEN", server.admin)
    monkeypatch.delenv("STRONGROOM_CA_FILE", raising=False)
    assert run(["whoami"]) == 7
    assert "--ca-file FILE, or STRONGROOM_CA_FILE" in capsys.readouterr().err
    assert run(["whoami", "--ca-file", str(folder / "kms.pem")]) == 0
    monkeypatch.setenv("STRONGROOM_CA_FILE", str(folder / "kms.pem"))
    assert run(["whoami"]) == 0
