"""A client that holds event streams and costs little: raw sockets in a process of its own, with nothing to import.

It is told in one line of JSON how many streams to open, at which port, with whose tokens; says `ready`; counts events
until another line comes in; and answers the fewest and the most that a stream had, and the CPU seconds of reading.
"""

import json
import resource
import selectors
import socket
import sys
from time import monotonic, sleep

HOST = "127.0.0.1"
AT_ONCE = 50
"""Streams that are being opened."""
EVENT = b"\nevent: stock\n"
LAST_SECONDS = 2.0
"""How long the last events may take."""


def more_files() -> None:
    """Let this process have as many connections as the system allows: 1,024 is a usual limit, and too few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))


def opened(number: int, port: int, tokens: list[str]) -> list[socket.socket]:
    """So many streams of store S1."""
    held: list[socket.socket] = []
    for start in range(0, number, AT_ONCE):
        some = [socket.create_connection((HOST, port)) for _ in range(start, min(start + AT_ONCE, number))]
        for index, connection in enumerate(some, start):
            connection.sendall(
                f"GET /api/v1/events/stream?store_id=S1 HTTP/1.1\r\nHost: {HOST}\r\n"
                f"Authorization: Bearer {tokens[index % len(tokens)]}\r\n\r\n".encode()
            )
        for connection in some:
            head = connection.recv(65_536)
            assert head.startswith(b"HTTP/1.1 200"), head.decode()
            connection.setblocking(False)
        held += some
    return held


def count(held: list[socket.socket]) -> list[int]:
    """The events of each stream until a line comes in."""
    selector = selectors.DefaultSelector()
    for number, connection in enumerate(held):
        selector.register(connection, selectors.EVENT_READ, number)
    selector.register(sys.stdin, selectors.EVENT_READ, -1)
    heard, tails = [0] * len(held), [b""] * len(held)
    end = float("inf")
    while monotonic() < end:
        for key, _ in selector.select(0.1):
            if key.data < 0:
                end = monotonic() + LAST_SECONDS
                selector.unregister(sys.stdin)
                continue
            data = held[key.data].recv(262_144)
            assert data, "the server ended a stream"
            text = tails[key.data] + data
            heard[key.data] += text.count(EVENT)
            tails[key.data] = text[-len(EVENT) + 1 :]
        sleep(0.01)  # one look for all that came meanwhile
    return heard


def main() -> None:
    """One round."""
    more_files()
    job = json.loads(sys.stdin.readline())
    held = opened(job["streams"], job["port"], job["tokens"])
    print("ready", flush=True)
    before = resource.getrusage(resource.RUSAGE_SELF)
    heard = count(held)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"fewest": min(heard, default=0), "most": max(heard, default=0), "cpu": cpu}), flush=True)


if __name__ == "__main__":
    main()
