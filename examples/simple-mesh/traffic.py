"""Sending requests: one at a time, many to count shares, and a steady load to notice any loss."""

from __future__ import annotations

import collections
import http.client
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

WHO = "x-sample-service"


@dataclass
class Answer:
    """What came back: `status` is 0 if nothing did, and then `body` says why."""

    status: int
    who: str
    body: str


class Caller:
    """A connection to one server, kept open between requests if `keep` says so."""

    def __init__(self, url: str, keep: bool):
        parts = urlsplit(url)
        self.path = parts.path
        self.keep = keep
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)

    def get(self) -> Answer:
        try:
            self.connection.request("GET", self.path)
            response = self.connection.getresponse()
            answer = Answer(response.status, response.getheader(WHO, ""),
                            response.read().decode(errors="replace").strip())
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            return Answer(0, "", f"{type(error).__name__}: {error}")
        if not self.keep:
            self.connection.close()
        return answer

    def close(self) -> None:
        self.connection.close()


def get(url: str) -> Answer:
    """One request over a connection of its own."""
    return Caller(url, keep=False).get()


def shares(url: str, count: int) -> collections.Counter:
    """Who answered how many of a number of requests."""
    caller = Caller(url, keep=True)
    try:
        return collections.Counter(answer.who if answer.status == 200 else f"status {answer.status}"
                                   for answer in (caller.get() for _ in range(count)))
    finally:
        caller.close()


@dataclass
class Load:
    """A light, steady load on some URLs: over kept connections, and over a new one each time.

    Used in a `with` block; every answer that is not 200 counts as lost.
    """

    urls: list[str]
    pause: float = 0.01
    sent: int = 0
    lost: list[str] = field(default_factory=list)
    first_seen: dict[str, float] = field(default_factory=dict)
    last_seen: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Load:
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.send, args=(url, keep), daemon=True)
                        for url in self.urls for keep in (True, True, False)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def send(self, url: str, keep: bool) -> None:
        caller = Caller(url, keep)
        while not self.stopping.is_set():
            answer = caller.get()
            with self.lock:
                self.sent += 1
                now = time.monotonic()
                self.first_seen.setdefault(answer.who, now)
                self.last_seen[answer.who] = now
                if answer.status != 200:
                    self.lost.append(f"GET {url}: {answer.status or 'no answer'} {answer.body}")
            self.stopping.wait(self.pause)
        caller.close()

    def run_on(self, seconds: float) -> None:
        """Lets the load go on for a while."""
        time.sleep(seconds)
