"""All of the terminal's file, as the rest of the terminal knows it."""

from .memory import Memory
from .sales import Sales


class Journal(Sales, Memory):
    """The file at `path` of the terminal that numbers its receipts with its id, until `number_with` says otherwise."""

    def take_over(self, other: "Journal") -> None:
        """Take in what another terminal's file keeps: its acts, also those taken in before, and what it remembers."""
        acts = [*other.acts(), *other.refused_acts()]
        remembered = other._db.execute("SELECT name, value FROM remembered").fetchall()
        with self.together():
            known = {row[0] for row in self._db.execute("SELECT id FROM acts")}
            for act in sorted(acts, key=lambda x: x.sequence):
                if str(act.id) not in known:
                    self._insert(act)
            self._db.executemany("INSERT OR IGNORE INTO remembered VALUES (?, ?)", remembered)
