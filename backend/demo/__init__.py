"""The demo shop: a chain of 24 stores with real products and what real customers bought there (see data/README.md)."""
