"""Which movements the shrinkage report is made of."""

from backend.counts.shrinkage import kinds


def test_it_is_made_of_corrections_and_write_offs_and_not_of_trade() -> None:
    assert kinds() == ["adjust", "count", "set_stock", "shortfall_found", "write_off"]
