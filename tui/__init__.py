"""The terminal's screens, in Textual. Everything they show and do comes from `backend.terminal`."""
