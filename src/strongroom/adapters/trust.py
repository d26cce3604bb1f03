"""TLS as we dial: the peer's certificate is always verified, and so is its name."""

import ssl


def context(ca: str, certificate: str = "", key: str = "") -> ssl.SSLContext:
    """For connections that we make. `ca` is a file in PEM; empty: the system's authorities.

    With a certificate and key of our own where the peer asks for one. Raises `ValueError` with one
    line for people when a file cannot be used.
    """
    if bool(certificate) is not bool(key):
        raise ValueError("tls_certificate and tls_key go together")
    try:
        made = ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        raise ValueError(f"{ca} has no certificates that can be read: {_why(error)}") from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate:
        try:
            # Without a callback, OpenSSL would ask the terminal for the passphrase of a key.
            made.load_cert_chain(certificate, key, password=_no_passphrase)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{certificate} and {key} are not a certificate with its key: {_why(error)}"
            ) from error
    return made


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "malformed").replace("_", " ").lower()
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
