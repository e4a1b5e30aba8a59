"""The terminal's screens (Textual). They talk to servers only through `backend.terminal`."""
