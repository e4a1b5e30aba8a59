"""Whose certificates this machine believes: those its system believes, and those in the file SSL_CERT_FILE.

Importing `truststore` and reading authorities takes time, so both wait until a connection over TLS is made.
"""

import os
import ssl
from pathlib import Path

from backend.model.errors import InvalidInput


def client_context() -> ssl.SSLContext:
    """Returns a context for connections to servers, of a name and a certificate that the system can verify.

    Raises InvalidInput when SSL_CERT_FILE names no file of certificates.
    """
    import truststore

    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities := os.environ.get("SSL_CERT_FILE"):
        try:
            context.load_verify_locations(cafile=Path(authorities))
        except OSError as error:  # ssl's own errors are such too
            reason = error.strerror or str(error)
            message = f"SSL_CERT_FILE names {authorities}, which cannot be used ({reason}); correct it."
            raise InvalidInput("SSL_CERT_FILE", message) from error
    return context


def believes_nobody() -> ssl.SSLContext:
    """Returns a context for clients that speak without TLS; quick to make, and good for no connection with it."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
