"""A nats-server's configuration, and the key that signs its users' permissions: for the embedded servers and tests."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import nkeys

MAX_PAYLOAD = 8 * 1024 * 1024
"""Bytes of one message: the changes of a whole batch in one store."""

MAX_CONTROL_LINE = 32 * 1024
"""Bytes of a line of the protocol: a token that names hundreds of stores is longer than the usual 4096."""
MAX_SUBSCRIPTIONS = 1_100
"""Of one connection, whoever's. A server of ours has one for each store that its streams follow, 1,000 at most."""
MAX_CONNECTIONS = 10_000
"""One of each terminal of a large chain (`one_connection` sees to that), and four of each server."""
WRITE_DEADLINE = "5s"
"""How long a client may take nothing before it is cut off."""


def system_user(user: str) -> str:
    """Returns the name, of nats-server's system account, under which our servers look after connections."""
    return f"{user}-system"


def new_issuer_seed() -> str:
    """Returns a new secret account key, in the form that NATS_ISSUER_SEED_FILE holds."""
    return str(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_ACCOUNT).decode())


def public_key(issuer_seed: str) -> str:
    """Returns the public half of an issuer's seed, by which nats-server knows its signatures."""
    return str(nkeys.from_seed(issuer_seed.encode()).public_key.decode())


class Cluster(NamedTuple):
    """The cluster that a nats-server belongs to. `routes` are its members as `host:port`, itself included."""

    name: str
    server_name: str
    port: int
    routes: Sequence[str]


class Tls(NamedTuple):
    """The certificate that nats-server shows its clients, and its key."""

    cert: Path
    key: Path


def render_config(
    *,
    host: str,
    port: int,
    store: Path,
    user: str,
    password: str,
    issuer: str,
    cluster: Cluster | None = None,
    tls: Tls | None = None,
) -> str:
    """Returns the text of a nats-server.conf that lets in our own servers by password and everybody else by access
    token.

    `store` is JetStream's directory and `issuer` the public key of the servers' seed. Contains the password.
    """
    # JSON is valid nats-server configuration, and quotes every value safely.
    config: dict[str, object] = {
        "host": host,
        "port": port,
        "max_payload": MAX_PAYLOAD,
        "max_control_line": MAX_CONTROL_LINE,
        "max_connections": MAX_CONNECTIONS,
        "max_subscriptions": MAX_SUBSCRIPTIONS,
        "max_pending": 8 * MAX_PAYLOAD,
        "write_deadline": WRITE_DEADLINE,
        "jetstream": {"store_dir": str(store)},
        "authorization": {
            "users": [{"user": user, "password": password}],
            "timeout": 5,
            "auth_callout": {"issuer": issuer, "auth_users": [user, system_user(user)]},
        },
        "accounts": {"SYS": {"users": [{"user": system_user(user), "password": password}]}},
        "system_account": "SYS",
    }
    if tls is not None:
        config["tls"] = {"cert_file": str(tls.cert), "key_file": str(tls.key)}
    if cluster is not None:
        word = f"{quote(user, safe='')}:{quote(password, safe='')}"
        config |= {
            "server_name": cluster.server_name,
            "cluster": {
                "name": cluster.name,
                "host": host,
                "port": cluster.port,
                "authorization": {"user": user, "password": password},
                "routes": [f"nats-route://{word}@{route}" for route in cluster.routes],
            },
        }
    return json.dumps(config, indent=2, ensure_ascii=False)
