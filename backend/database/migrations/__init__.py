"""The history of the schema, oldest first. `backend.database.engine.migrate` runs it; it needs no ini file."""

OLDEST_READER = "0012"
"""The oldest revision whose release may run on the newest schema: the migrations after it only add (a test reads
them). One that takes something away moves it to its own revision."""
