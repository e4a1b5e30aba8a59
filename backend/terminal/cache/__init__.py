"""The terminal's own copy of the catalogue and of its store's stock: it answers every scan and every search."""
