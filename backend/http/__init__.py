"""The public API: every route is thin (parse, check who may, ask the ledger or read, answer)."""
