"""docker-compose.yml against the compose specification's schema, and against what the servers understand."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.settings import Settings

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
JOBS = {"migrate", "nats-config"}
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
    told = {variable.lower() for variable in OURS[name]["environment"]} - {"single"}
    assert told <= Settings.model_fields.keys()
    assert set(OURS[name]["secrets"]) <= Settings.model_fields.keys()
