"""The audit list: its routes and queries. Entries are written by `backend.database.audit_trail`."""
