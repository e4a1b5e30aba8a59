"""Returns: what comes back of a sale, or without a receipt."""
