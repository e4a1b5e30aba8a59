"""Small things that a terminal remembers from one start to the next."""

from collections.abc import Mapping

from .file import File


class Memory(File):
    """What was remembered by name, and what people call products."""

    def remember(self, **values: str) -> None:
        """Keep small things from one start to the next: the store and the user who signed in last."""
        with self.together():
            self._db.executemany("INSERT OR REPLACE INTO remembered VALUES (?, ?)", values.items())

    def recall(self, name: str) -> str:
        """Returns what was remembered under `name`, or nothing."""
        found = self._db.execute("SELECT value FROM remembered WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""

    def learn(self, names: Mapping[str, str]) -> None:
        """Remember what people call products, for the time when only their ids are there."""
        with self.together():
            self._db.executemany("INSERT OR REPLACE INTO product_names VALUES (?, ?)", names.items())

    def name_of(self, product_id: str) -> str | None:
        """Returns what people call a product, if it was ever sold here."""
        found = self._db.execute("SELECT name FROM product_names WHERE id = ?", (product_id,)).fetchone()
        return str(found[0]) if found else None
