"""PSKC documents for tests: whole ones, and ones with something put in or changed."""

import io

import msgspec

from strongroom.pskc import reading

NAMESPACE = "urn:ietf:params:xml:ns:keyprov:pskc"
PRE_SHARED = bytes(range(32))


def container(body, *, more=""):
    """A document of that body."""
    return (
        f'<KeyContainer Version="1.0" xmlns="{NAMESPACE}"'
        ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
        ' xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"'
        f' xmlns:xenc11="http://www.w3.org/2009/xmlenc11#"{more}>{body}</KeyContainer>'
    )


def package(inner="", *, key_id="1", algorithm="hotp", data=None, device="<SerialNo>7</SerialNo>"):
    """A key package, with a plain secret of 16 bytes unless `data` says otherwise."""
    if data is None:
        data = "<Secret><PlainValue>MDEyMzQ1Njc4OWFiY2RlZg==</PlainValue></Secret>"
    return (
        f"<KeyPackage><DeviceInfo>{device}</DeviceInfo>"
        f'<Key Id="{key_id}" Algorithm="{NAMESPACE}:{algorithm}">'
        f"<Data>{data}</Data>{inner}</Key></KeyPackage>"
    )


def policy(rules):
    """A document of one key under that policy."""
    return container(package(f"<Policy>{rules}</Policy>"))


def read(document, unlock=None, **options):
    """All keys of a document."""
    content = document if isinstance(document, bytes) else document.encode()
    return list(reading.read(io.BytesIO(content), unlock, **options))


def plain(key):
    """A key as values that can be compared: its secret in the open."""
    return {**msgspec.structs.asdict(key), "secret": key.secret and key.secret.reveal()}
