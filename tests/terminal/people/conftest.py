import pytest

from backend.terminal.people import sealing


@pytest.fixture(autouse=True)
def cheap_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    """PINs that are quick to try: these tests are about everything else."""
    monkeypatch.setattr(sealing, "MEMORY_KIB", 64)
    monkeypatch.setattr(sealing, "PASSES", 1)
