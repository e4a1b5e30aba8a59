"""docker-compose.yml against the compose specification's schema, and against what the servers understand."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.settings import Settings

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
JOBS = {"migrate", "nats-config", "secrets"}
FLEET = {"server-2", "server-3", "nats-2", "nats-3", "redis", "prometheus", "grafana"}
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def test_it_follows_the_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_watched_and_waits_for_services_that_exist(name: str) -> None:
    service = SERVICES[name]
    assert service["image"].rpartition(":")[2] not in ("", "latest", service["image"])
    assert ("healthcheck" in service) != (name in JOBS)
    assert set(service.get("depends_on", ())) <= SERVICES.keys()


@pytest.mark.parametrize("name", OURS)
def test_servers_are_told_nothing_they_do_not_understand(name: str) -> None:
    told = {variable.lower() for variable in OURS[name].get("environment", ())} - {"fleet"}
    assert told <= Settings.model_fields.keys()


def test_a_plain_start_is_one_server_and_whatever_it_needs() -> None:
    plain = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert plain == SERVICES.keys() - FLEET
    assert all(SERVICES[name]["profiles"] == ["fleet"] for name in FLEET)
    for name in plain:
        needs = SERVICES[name].get("depends_on", {})
        required = [x for x in needs if not isinstance(needs, dict) or needs[x].get("required", True)]
        assert set(required) <= plain, f"{name} waits for what a plain start does not start"


def test_no_secret_stands_in_the_file() -> None:
    text = COMPOSE.read_text("utf-8")
    assert not [line for line in text.splitlines() if "PASSWORD:" in line or "SECRET:" in line]
    assert "file: ./" not in text


def made_in(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


def test_the_job_makes_the_secrets_once_for_whom_they_are(tmp_path: Path) -> None:
    """The job's own command, run by this machine's shell; only `chown`, which needs root, is written down instead."""
    tools, secrets, owners = tmp_path / "bin", tmp_path / "secrets", tmp_path / "owners"
    tools.mkdir()
    (tools / "chown").write_text(f'#!/bin/sh\necho "$@" >>{owners}\n')
    (tools / "chown").chmod(0o755)
    mounted = [volume.split(":") for volume in SERVICES["secrets"]["volumes"]]
    for _, place in mounted:
        (secrets / place.removeprefix("/secrets/")).mkdir(parents=True)
    (script,) = SERVICES["secrets"]["command"]
    command = [*SERVICES["secrets"]["entrypoint"], script.replace("$$", "$").replace("/secrets/", f"{secrets}/")]
    environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
    subprocess.run(command, env=environment, check=True)

    made = made_in(secrets)
    server = {name.removeprefix("server/") for name in made if name.startswith("server/")}
    assert server == {"database_password", "nats_password", "jwt_secret"} <= Settings.model_fields.keys()
    assert made["database/database_password"] == made["server/database_password"]
    assert len(set(made.values())) == len(made) - 1
    assert all(len(secret) == 64 and int(secret, 16) for secret in made.values())
    assert all((secrets / name).stat().st_mode & 0o777 == 0o400 for name in made)
    assert {line.split()[0] for line in owners.read_text().splitlines()} == {"0:0", "10001:10001", "472:0"}

    subprocess.run(command, env=environment, check=True)
    assert made_in(secrets) == made
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            if "/run/secrets" in volume:
                source = volume.split(":")[0]
                assert source in {volume for volume, _ in mounted}
                assert volume.endswith(":ro"), f"{name} could write its secrets"
