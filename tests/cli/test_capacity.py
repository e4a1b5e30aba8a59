"""The estimate's arithmetic, on numbers that a person can check."""

import json
from itertools import pairwise

import click.testing
import pytest

from backend.cli.capacity import Chain, Costs, estimate
from backend.cli.simulate import simulate


def figures(chain: Chain, costs: Costs | None = None) -> dict[str, float]:
    return {figure.name: figure.value for figure in estimate(chain, costs or Costs())}


def test_a_chain_that_can_be_worked_out_by_hand() -> None:
    chain = Chain(stores=100, skus=1000, sales_per_day=900, lines_per_sale=9, peak_share=0.1, months_kept=10)
    costs = Costs(server_cpu_us=400_000, database_cpu_us=40_000, stock_row=100, busy=0.5, server_cores=2)
    found = figures(chain, costs)
    assert found["sales a day"] == 90_000
    assert found["commands a day"] == 900_000
    assert found["commands at the peak"] == pytest.approx(25)
    assert found["API servers"] == 11, "10 busy cores, half busy, two a server, and one spare"
    assert found["database cores"] == 2
    assert found["messages delivered"] == pytest.approx(100)
    assert found["disk, stock rows"] == pytest.approx(0.01)


@pytest.mark.parametrize("name", ["stores", "skus", "sales_per_day", "months_kept"])
def test_more_of_anything_needs_more_disk(name: str) -> None:
    base = {"stores": 100, "skus": 1000, "sales_per_day": 500, "months_kept": 6}
    disks = [figures(Chain(**base | {name: base[name] * n}))["disk in the steady state"] for n in (1, 2, 3)]
    assert all(less < more for less, more in pairwise(disks))


def test_one_store_still_gets_a_fleet_that_survives_a_failure() -> None:
    assert figures(Chain(stores=1, skus=100))["API servers"] == Costs().smallest_fleet


def test_the_command_shows_its_arithmetic() -> None:
    result = click.testing.CliRunner().invoke(simulate, ["--stores", "2000", "--skus", "50000"])
    assert result.exit_code == 0
    assert "2,000 stores × 600" in result.output


def test_the_command_speaks_json() -> None:
    result = click.testing.CliRunner().invoke(simulate, ["--stores", "2000", "--skus", "50000", "--json"])
    told = json.loads(result.output)
    assert told["chain"]["stores"] == 2000
    assert {"name", "value", "unit", "arithmetic"} == told["figures"][0].keys()
