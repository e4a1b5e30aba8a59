"""Three nats-servers that form one cluster, as `mostrador nats-config --cluster` configures them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from backend.events.nats_config import Cluster, new_issuer_seed, public_key, render_config
from tests.servers import HOST, NatsServer, free_port, nats_server

SERVER = {"user": "server", "password": "p@ss/word"}
"""How servers of ours sign in."""


@contextmanager
def nats_cluster(directory: Path, issuer_seed: str | None = None) -> Iterator[list[NatsServer]]:
    """The members, until the end of the block; each may be killed and started again."""
    issuer = public_key(issuer_seed or new_issuer_seed())
    ports = [(free_port(), free_port()) for _ in range(3)]
    with ExitStack() as running:
        servers = []
        for number, (port, route) in enumerate(ports):
            cluster = Cluster("chain", f"n{number}", route, [f"{HOST}:{one}" for _, one in ports])
            text = render_config(
                host=HOST,
                port=port,
                store=directory / f"n{number}",
                user=SERVER["user"],
                password=SERVER["password"],
                issuer=issuer,
                cluster=cluster,
            )
            config = directory / f"n{number}.conf"
            config.write_text(text)
            servers.append(running.enter_context(nats_server(config, port)))
        yield servers
