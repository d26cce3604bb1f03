"""Why a connection that we made did not do, in a few words."""

import socket
import ssl


def why(error: OSError) -> str:
    """One line for people. It quotes nothing that a peer sent but the name of a TLS alert."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'malformed').replace('_', ' ').lower()}"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    return (error.strerror or type(error).__name__).lower()
