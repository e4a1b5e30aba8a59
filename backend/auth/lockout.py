"""How long nobody may try to sign in after how many failures."""

from datetime import timedelta
from ipaddress import ip_interface

from msgspec import Struct

FIRST_LOCK = timedelta(seconds=15)
LONGEST_LOCK = timedelta(minutes=15)


class Limit(Struct, frozen=True):
    """So many failures in a row are free; each further one doubles the lock."""

    failures: int
    memory: timedelta
    """Failures are forgotten when none has followed for so long. Longer than the longest lock, or waiting it out would
    make the next ones free again."""

    def lock(self, failures: int) -> timedelta:
        """Returns how long to wait after this many failures."""
        over = failures - self.failures
        return min(FIRST_LOCK * 2 ** min(over, 10), LONGEST_LOCK) if over >= 0 else timedelta(0)


NAME = Limit(5, timedelta(days=1))
"""A PIN of four digits withstands what is left, about 100 guesses a day, for weeks; the log tells of them at once."""
ADDRESS = Limit(30, timedelta(hours=1))
"""A shop's terminals often share one address, and its clerks mistype."""
ENROLMENT = Limit(10, timedelta(hours=1))
"""By address. A code has 50 bits and lives for minutes; this is to be heard, and to keep the guesses few."""


def network_of(address: str) -> str:
    """Whose guesses are counted together: whoever has one IPv6 address has 2**64 of them."""
    interface = ip_interface(address)
    return address if interface.version == 4 else str(ip_interface(f"{address}/64").network)
