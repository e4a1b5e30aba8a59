"""Orders: units promised to customers without a deadline."""
