"""What is wrong with an address that somebody set, in words that say how it must look."""

from collections.abc import Collection
from urllib.parse import urlsplit


def fault_of(url: str, schemes: Collection[str], example: str, default_scheme: str = "") -> str | None:
    """Returns what is wrong with `url`; None when nothing is. `default_scheme` is that of an address without one.

    The sentence never has the address in it, which may hold a password.
    """
    must = f"it must look like {example}"
    if any(character.isspace() or not character.isprintable() for character in url):
        return f"{must}, without spaces in it"
    if "://" not in url:
        if not default_scheme or "/" in url:
            return f"{must}; it has no {'://, or '.join(schemes)}:// at its beginning"
        url = f"{default_scheme}://{url}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # also brackets of an IPv6 address that do not match
        return f"{must}; its host or its port is none (a port is a number up to 65535)"
    if parts.scheme not in schemes:
        return f"{must}; {parts.scheme}:// is none of {', '.join(f'{scheme}://' for scheme in schemes)}"
    if parts.scheme == "unix":
        return None if parts.path else f"{must}; it names no file"
    if not parts.hostname:
        return f"{must}; it names no host"
    return f"{must}; port 0 is none" if port == 0 else None
