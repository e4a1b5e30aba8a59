"""Why a server could not be reached, in words that say what to do about it."""

import ssl
from collections.abc import Iterator

import httpx

from backend.model.errors import MostradorError


class ServerAway(MostradorError):
    """No server answered, or what answered was not one."""

    code = "server_away"
    retryable = True


class ServerRefusesConnections(ServerAway):
    """The machine is there, and nobody listens at the port."""

    code = "connection_refused"


class ProxyAway(ServerAway):
    """The proxy of the environment does not answer, or does not let us through."""

    code = "proxy_away"


class CertificateUnknown(ServerAway):
    """The server's certificate is of an authority that this machine does not believe."""

    code = "certificate_unknown"


class CertificateOfAnother(ServerAway):
    """The server's certificate is for another name."""

    code = "certificate_of_another"


class CertificateExpired(ServerAway):
    """The server's certificate is too old by this machine's clock."""

    code = "certificate_expired"


class CertificateTooNew(ServerAway):
    """The server's certificate is not valid yet by this machine's clock."""

    code = "certificate_too_new"


def why_away(error: httpx.HTTPError, url: str, proxy: str) -> ServerAway:
    """Returns what the failure of a request to `url` means; `proxy` is the one it goes through, or empty."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate(cause, url)
    if isinstance(error, httpx.ProxyError) or (proxy and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)):
        message = f"The proxy {proxy or 'of this machine'} does not let us through to {url}; check it, or NO_PROXY."
        return ProxyAway(message, url=url, proxy=proxy)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return ServerRefusesConnections(f"Nobody listens at {url}; start the server or check its address.", url=url)
    return ServerAway("The server does not answer; it will be tried again.", url=url)


def _certificate(error: ssl.SSLCertVerificationError, url: str) -> ServerAway:
    match getattr(error, "verify_code", 0):
        # OpenSSL's X509_V_ERR_…, which Python has no names for.
        case 9:
            return CertificateTooNew(f"The certificate of {url} is not valid yet; check this machine's clock.", url=url)
        case 10:
            message = f"The certificate of {url} has expired; renew it there, or check this machine's clock."
            return CertificateExpired(message, url=url)
        case 62 | 64:
            message = f"The certificate of {url} is for another name; use the server's right name."
            return CertificateOfAnother(message, url=url)
        case _:
            message = (
                f"The certificate of {url} is of an authority that this machine does not believe; add the authority to"
                " the system's, or name its file in SSL_CERT_FILE."
            )
            return CertificateUnknown(message, url=url)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and all that led to it."""
    seen: list[BaseException | None] = [error]
    while seen:
        one = seen.pop()
        if one is not None:
            yield one
            seen += [one.__cause__, one.__context__ if one.__cause__ is None else None]
            if isinstance(one, BaseExceptionGroup):
                seen += one.exceptions
