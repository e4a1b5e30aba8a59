"""How many files a server may have open: as many as the system lets it."""

import sys
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from backend.http.limits import open_more_files

if sys.platform != "win32":
    import resource

    @pytest.fixture
    def most() -> Iterator[int]:
        """The hard limit, while the soft one is low."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        yield hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_a_server_raises_its_soft_limit_to_the_hard_one(most: int) -> None:
        with capture_logs() as log:
            open_more_files()
            open_more_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
        assert [line["event"] for line in log] == ["open_files_raised"]
