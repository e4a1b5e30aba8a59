"""The private servers live exactly as long as a terminal uses them, whoever is killed. Everything here is real."""

import json
import socket
import subprocess

import pytest

from backend.embedded import keeper
from backend.embedded.children import HOST
from backend.embedded.files import ShopFiles
from backend.embedded.servers import nats_program

from .shop import ALL_RUN, KEEPER, NATS, NOTHING_RUNS, SERVER, counts, is_healthy, running, terminals, wait_until


@pytest.mark.slow
def test_terminals_share_the_servers_which_end_with_the_last_one_even_if_it_is_killed(files: ShopFiles) -> None:
    with terminals(files) as [first]:
        url = first.joined()
        assert is_healthy(url)
        with terminals(files) as [second]:
            assert second.joined() == url
            first.leave()
            assert counts(files) == ALL_RUN
            assert is_healthy(url)
            second.kill()
            wait_until(lambda: counts(files) == NOTHING_RUNS, "the servers stopped with the killed terminal")
    assert not is_healthy(url)


@pytest.mark.slow
def test_the_servers_stop_when_the_last_terminal_leaves(files: ShopFiles) -> None:
    with terminals(files) as [only]:
        assert is_healthy(only.joined())
        only.leave()
        wait_until(lambda: counts(files) == NOTHING_RUNS, "the servers stopped with the terminal")


@pytest.mark.slow
def test_terminals_that_start_at_once_share_one_keeper(files: ShopFiles) -> None:
    with terminals(files, 4) as opened:
        (url,) = {terminal.joined() for terminal in opened}
        assert counts(files) == ALL_RUN
        assert is_healthy(url)


@pytest.mark.slow
@pytest.mark.parametrize("name", [SERVER, NATS])
def test_a_server_that_is_killed_is_started_again_in_its_place(files: ShopFiles, name: str) -> None:
    with terminals(files) as [terminal]:
        url = terminal.joined()
        (before,) = running(files)[name]
        before.kill()
        before.wait()
        wait_until(lambda: counts(files) == ALL_RUN and is_healthy(url), "both servers run again")
        (after,) = running(files)[name]
        assert after.pid != before.pid


@pytest.mark.slow
def test_a_killed_keeper_takes_the_servers_with_it_and_a_living_terminal_starts_them_again(files: ShopFiles) -> None:
    with terminals(files) as [terminal]:
        url = terminal.joined()
        before = [process for (process,) in running(files).values()]
        (keeper,) = running(files)[KEEPER]
        keeper.kill()
        wait_until(lambda: not any(process.is_running() for process in before), "the killed keeper's children ended")
        wait_until(lambda: is_healthy(url), "another keeper serves the same address")
        assert counts(files) == ALL_RUN


@pytest.mark.slow
def test_everything_that_is_killed_at_once_stays_dead_and_the_next_start_is_clean(files: ShopFiles) -> None:
    with terminals(files) as [terminal]:
        terminal.joined()
        doomed = [process for (process,) in running(files).values()]
        terminal.kill()
        for process in doomed:
            if process.is_running():
                process.kill()
        wait_until(lambda: counts(files) == NOTHING_RUNS, "everything was killed")
    with terminals(files) as [terminal]:
        assert is_healthy(terminal.joined())


@pytest.mark.slow
def test_a_state_file_left_behind_is_harmless_even_when_others_use_its_ports(files: ShopFiles) -> None:
    with socket.create_server((HOST, 0)) as stranger:
        port = stranger.getsockname()[1]
        files.state.write_text(json.dumps({"port": port, "secret": "x", "server_port": port, "nats_port": port}))
        with terminals(files) as [terminal]:
            url = terminal.joined()
            assert not url.endswith(f":{port}")
            assert is_healthy(url)


@pytest.mark.slow
def test_a_nats_server_that_outlived_its_keeper_is_ended(files: ShopFiles) -> None:
    files.nats.mkdir(exist_ok=True)
    config, pid_file = files.nats / "nats-server.conf", files.pid("nats")
    config.write_text(json.dumps({"host": HOST, "port": -1}))
    with subprocess.Popen(
        [str(nats_program()), "--config", str(config), "--pid", str(pid_file)], stderr=subprocess.DEVNULL
    ) as left_behind:
        wait_until(pid_file.exists, "the nats-server that is left behind has started")
        with terminals(files) as [terminal]:
            assert is_healthy(terminal.joined())
            assert left_behind.wait() is not None
            assert counts(files) == ALL_RUN


async def test_a_keeper_to_which_nobody_comes_ends(files: ShopFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "FIRST_LEASE_SECONDS", 0.0)
    await keeper.Keeper(files).run()
    assert counts(files) == NOTHING_RUNS


@pytest.mark.slow
def test_a_second_keeper_leaves_the_first_one_alone(files: ShopFiles) -> None:
    with terminals(files) as [terminal]:
        url = terminal.joined()
        (first,) = running(files)[KEEPER]
        subprocess.run(first.cmdline(), check=True)
        assert is_healthy(url)
        assert running(files)[KEEPER] == [first]
