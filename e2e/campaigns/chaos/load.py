"""A steady load on every route of every proxy, over kept connections and new ones."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from .client import Answer, Connection
from .mesh import NAMESPACES
from .programs import Node

# Clients of each proxy: whether each keeps its connections.
CLIENTS = (True, True, False)


@dataclass(frozen=True)
class Target:
    """A route at a listener, and the service that has to answer."""

    egress: bool
    port: int
    path: str
    service: str


def targets(node: Node, services: dict[str, list[str]]) -> list[Target]:
    """Every route of a proxy."""
    found = []
    own = node.spec.namespace
    other = next(name for name in NAMESPACES if name != own)
    listeners = [(False, node.port, own)]
    if node.egress is not None:
        listeners.append((True, node.egress, other))
    for egress, port, namespace in listeners:
        found.append(Target(egress, port, "/beacon/", "beacon"))
        for service in services[namespace]:
            found.append(Target(egress, port, f"/{service}/who", service))
            found.append(Target(egress, port, f"/{service}/echo", service))
    return found


class Load:
    """The clients, and which colors they have seen since they were last asked."""

    def __init__(self, campaign, rate: float):
        self.campaign = campaign
        self.pause = len(CLIENTS) / rate
        self.colors: dict[tuple[str, str], set[str]] = {}
        self.tasks: list[asyncio.Task] = []

    def start(self) -> None:
        """Starts the clients of each proxy, spread over one pause."""
        services = self.campaign.topology.services
        for node in self.campaign.programs.nodes.values():
            routes = targets(node, services)
            for place, keep in enumerate(CLIENTS):
                offset = place * len(routes) // len(CLIENTS)
                turn = routes[offset:] + routes[:offset]
                delay = self.pause * place / len(CLIENTS)
                self.tasks.append(asyncio.create_task(self.client(node, turn, keep, delay)))

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def client(self, node: Node, routes: list[Target], keep: bool, delay: float) -> None:
        connections = {target.port: Connection(target.port) for target in routes}
        due = time.monotonic() + delay
        while True:
            for target in routes:
                if target.egress and node.egress_off:
                    continue
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due = max(due + self.pause, time.monotonic())
                began = time.monotonic()
                answer = await connections[target.port].get(target.path, keep)
                self.judge(node, target, answer, began)

    def judge(self, node: Node, target: Target, answer: Answer, began: float) -> None:
        """Counts an answer; one that is not as it should be is lost, excused or not."""
        report = self.campaign.report
        report.requests += 1
        service, _, color = answer.who.rpartition("-")
        if answer.status == 200 and service == target.service:
            self.colors.setdefault((node.name, target.service), set()).add(color)
            return
        now = time.monotonic()
        windows = self.campaign.windows
        excuse = windows.excuse(node.name, "loss", began, now)
        if excuse is None and target.egress:
            excuse = windows.excuse(node.name, "egress", began, now)
        if excuse is not None:
            report.excused[excuse.kind] += 1
            return
        report.lost += 1
        listener = "egress" if target.egress else "main"
        what = f"by {answer.who}" if answer.status == 200 else f"{answer.status or 'none'} {answer.body[:80]}"
        report.violation("lost", node.name, f"at the {listener} listener: {what}",
                         f", the first GET {target.path}")
