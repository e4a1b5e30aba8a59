"""The pinned packages of the container image are what pyproject.toml asks for, with hashes and without addresses."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PINNED = (ROOT / ".ci" / "requirements.txt").read_text()


def test_every_dependency_is_pinned_within_its_range() -> None:
    pins = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", PINNED, re.M)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"]:
        wanted = Requirement(line)
        assert pins[canonicalize_name(wanted.name)] in wanted.specifier, line


def test_pins_have_hashes_and_name_no_host() -> None:
    packages = re.split(r"^(?=[\w.-]+==)", PINNED, flags=re.M)[1:]
    assert packages
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in PINNED
