"""HTTP requests of the campaign: kept connections and new ones, each with the time it may take."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .mesh import HOST

# How long a request may take, in seconds; Envoy's own limit in the shipped templates is longer.
TIMEOUT = 8.0


@dataclass
class Answer:
    """What came back: `status` is 0 if nothing did, and then `body` says why."""

    status: int
    who: str
    body: str


class ClosedIdle(Exception):
    """The server closed a kept connection before any byte of an answer came."""


class Connection:
    """A connection to a port, opened when it is needed."""

    def __init__(self, port: int, timeout: float = TIMEOUT):
        self.port = port
        self.timeout = timeout
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def get(self, path: str, keep: bool) -> Answer:
        """A GET. As RFC 9112, 9.3.1 says, one that met the close of an idle connection is sent once more."""
        try:
            async with asyncio.timeout(self.timeout):
                if self.writer is not None:
                    try:
                        return await self.exchange(path, keep)
                    except (ClosedIdle, ConnectionError):
                        self.close()
                self.reader, self.writer = await asyncio.open_connection(HOST, self.port)
                return await self.exchange(path, keep)
        except TimeoutError:
            self.close()
            return Answer(0, "", f"no answer within {self.timeout:.0f} s")
        except (OSError, ClosedIdle, asyncio.IncompleteReadError, ValueError) as error:
            self.close()
            return Answer(0, "", type(error).__name__)

    async def exchange(self, path: str, keep: bool) -> Answer:
        closing = "" if keep else "connection: close\r\n"
        self.writer.write(f"GET {path} HTTP/1.1\r\nhost: chaos\r\n{closing}\r\n".encode())
        await self.writer.drain()
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            raise ClosedIdle from None
        status_line, _, rest = head.decode("latin-1").partition("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in rest.split("\r\n") if ": " in line)
        if "content-length" in fields:
            body = await self.reader.readexactly(int(fields["content-length"]))
        else:
            # A length by chunks or by the end: nothing here needs such a connection again.
            keep, body = False, await self.reader.read()
        if not keep or fields.get("connection") == "close":
            self.close()
        return Answer(int(status_line.split(" ")[1]), fields.get("x-sample-service", ""),
                      body.decode("utf-8", "replace").strip())

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def get(port: int, path: str, timeout: float = TIMEOUT) -> Answer:
    """One request over a connection of its own."""
    return await Connection(port, timeout).get(path, keep=False)
