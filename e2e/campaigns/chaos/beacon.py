"""A server that tells which map a proxy has in force, by the address at which it is asked.

Each map names another loopback address for the service `beacon`, so an answer through Envoy says
which map Envoy serves, and a new map need not change more than an endpoint for that.
"""

from __future__ import annotations

import asyncio
import time


class Answering(asyncio.Protocol):
    """A kept connection on which every request gets the same answer."""

    def __init__(self, answer: bytes):
        self.answer = answer
        self.unanswered = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self.unanswered = (self.unanswered + data).split(b"\r\n\r\n")
        self.transport.write(self.answer * len(requests))


class Beacon:
    """The addresses of all generations; old ones go on answering."""

    def __init__(self, port: int):
        self.port = port
        self.servers: list[asyncio.Server] = []

    async def next(self) -> tuple[int, tuple[str, int]]:
        """One more generation, and the address that stands for it."""
        generation = len(self.servers) + 1
        host = f"127.77.{generation // 250}.{generation % 250 + 1}"
        answer = (f"HTTP/1.1 200 OK\r\nx-sample-service: beacon-{generation}\r\n"
                  "content-length: 0\r\n\r\n").encode()
        loop = asyncio.get_running_loop()
        self.servers.append(await loop.create_server(lambda: Answering(answer), host, self.port))
        return generation, (host, self.port)

    def close(self) -> None:
        for server in self.servers:
            server.close()


class Published:
    """When each generation was there to be read, in one place."""

    def __init__(self):
        self.times: list[tuple[int, float]] = []

    @property
    def newest(self) -> int:
        return self.times[-1][0] if self.times else 0

    def note(self, generation: int) -> bool:
        """A generation is there; true if it is older than what was there before, which is gone now."""
        is_older = generation < self.newest
        while generation < self.newest:
            self.times.pop()
        if generation > self.newest:
            self.times.append((generation, time.monotonic()))
        return is_older

    def behind_since(self, generation: int) -> float | None:
        """Since when there is a newer one; `None` if there is none."""
        return next((at for number, at in self.times if number > generation), None)
