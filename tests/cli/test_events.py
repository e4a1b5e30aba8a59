"""`mostrador events tail` where nobody can type a PIN unseen."""

import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-P", "-m", "backend.main", "events", "tail", "--store", "S1"]


@pytest.mark.slow
def test_without_a_terminal_it_says_how_to_give_the_pin() -> None:
    asked = subprocess.run(
        [*COMMAND, "--server", "http://127.0.0.1:9", "--user", "ana"],
        input="1234\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )

    assert asked.returncode != 0
    assert "GetPassWarning" not in asked.stderr
    assert "MOSTRADOR_PIN" in asked.stderr
