"""The history of the schema, oldest first. `backend.database.migrate` runs it; it needs no ini file."""
