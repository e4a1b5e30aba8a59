"""What is sold to and proved here is the small shop of the proof's own tests."""

from tests.proof.conftest import shop

__all__ = ["shop"]
