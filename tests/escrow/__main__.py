"""Plays many schedules: `python -m tests.escrow [SCHEDULES] [FIRST_SEED]`. Ends at the first that breaks a rule.

Without a first seed it begins at a random one, which it prints; a failure prints the seed that plays it again.
"""

import sys
from collections import Counter
from random import SystemRandom
from time import process_time

from .fleet import Fleet

TILLS, STEPS = 20, 1500


def main(schedules: int, first: int) -> None:
    """Plays them and prints what has happened in all."""
    sys.stdout.write(f"{schedules} schedules from seed {first}, {TILLS} terminals, 3 servers, {STEPS} steps each\n")
    seen: Counter[str] = Counter()
    begun = process_time()
    for seed in range(first, first + schedules):
        fleet = Fleet(seed, tills=TILLS)
        try:
            fleet.play(STEPS)
        except AssertionError as error:
            sys.stdout.write(f"seed {seed}: {error}\n")
            raise
        seen.update(fleet.seen())
    told = ", ".join(f"{n:,} {what}" for what, n in seen.items())
    sys.stdout.write(f"no rule was broken: {told}; {process_time() - begun:.0f} s of CPU\n")


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    main(arguments[0] if arguments else 1000, arguments[1] if len(arguments) > 1 else SystemRandom().randrange(10**9))
