"""One run: the mesh starts, the schedule goes by, the mesh recovers, everything ends."""

from __future__ import annotations

import asyncio
import socket
import time

from . import client, programs
from .beacon import Beacon, Published
from .faults import Faults
from .load import Load
from .mesh import HOST, Maps, State
from .plan import Event
from .report import Report
from .usage import Usage
from .watch import Watch
from .windows import LAST, Windows

# Seconds that the whole mesh may take to start, and those that each proxy adds.
START, START_EACH = 30.0, 5.0
# Seconds of load without any fault, after which nothing may answer that is not in the last map.
CALM = 3.0


class Failed(Exception):
    """The campaign itself could not be carried out."""


class Campaign:
    """Everything that takes part in a run."""

    def __init__(self, running: programs.Programs, rate: float):
        self.programs = running
        self.topology = running.topology
        self.state = State(self.topology)
        self.beacon = Beacon(running.beacon_port)
        self.truth, self.published = Published(), Published()
        self.maps = Maps(self.topology, running.backend_ports,
                         {name: node.egress for name, node in running.nodes.items()})
        self.publishing = asyncio.Lock()
        self.windows = Windows()
        self.report = Report(self.windows, self.last_lines)
        self.load = Load(self, rate)
        self.watch = Watch(self)
        self.faults = Faults(self)

    def last_lines(self, target: str, count: int) -> list[str]:
        owner = self.programs.nodes.get(target) or self.programs.centrals.get(target)
        return owner.process.last_lines(count) if owner is not None else []

    async def publish(self, operations: list[tuple]) -> None:
        """Changes the mesh. One at a time, so that a newer map is never replaced by an older one."""
        async with self.publishing:
            self.state.apply(operations)
            number, place = await self.beacon.next()
            programs.write(self.programs.truth, self.maps.document(self.state, number, place))
            self.truth.note(number)
            self.report.maps += 1

    async def start(self) -> None:
        """Starts the mesh, and waits until it is ready."""
        running = self.programs
        running.start_backends()
        await self.wait("the backends listen", lambda: all(map(accepts, running.backend_ports.values())))
        await self.publish([])
        running.templates.commit()
        running.start_centrals()
        await self.wait("a map is published", lambda: programs.generation(running.published) > 0)
        self.published.note(programs.generation(running.published))
        for node in running.nodes.values():
            running.start_node(node)
        for node in running.nodes.values():
            await self.wait_ready(node)

    async def wait(self, what: str, condition) -> None:
        deadline = time.monotonic() + START
        while not condition():
            ended = next((process for process in self.programs.daemons() if process.has_ended()), None)
            if ended is not None:
                raise Failed("\n".join([f"{ended.name} has ended", *ended.last_lines(20)]))
            if time.monotonic() > deadline:
                raise Failed(f"not within {START:.0f} s: {what}")
            await asyncio.sleep(0.05)

    async def wait_ready(self, node: programs.Node) -> None:
        deadline = time.monotonic() + START + START_EACH * len(self.programs.nodes)
        while (answer := await client.get(node.status, "/ready")).status != 200:
            if time.monotonic() > deadline or node.process.has_ended():
                log = "\n".join(node.process.last_lines(20))
                raise Failed(f"{node.name} is not ready: {answer.status} {answer.body}\n{log}")
            await asyncio.sleep(0.1)

    async def run(self, plan: list[Event]) -> Usage:
        """The schedule, the recovery and the calm after it."""
        usage = Usage(self.programs.daemons())
        self.report.began = time.monotonic()
        self.load.start()
        self.watch.start()
        sampling = asyncio.create_task(usage.run())
        try:
            await self.carry_out(plan)
            await self.recover()
            await self.calm()
        finally:
            sampling.cancel()
            await self.load.stop()
            await self.watch.stop()
        for name, text in usage.growth():
            self.report.violation("growth", name, text)
        return usage

    async def carry_out(self, plan: list[Event]) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as faults:
            for event in plan:
                await asyncio.sleep(max(0.0, began + event.at - time.monotonic()))
                if event.operations or event.kind == "map":
                    await self.publish(list(event.operations))
                if event.kind != "map":
                    faults.create_task(self.faults.make(event))

    async def recover(self) -> None:
        """Waits until all is well; whoever is not in time is told."""
        last = time.monotonic()
        # Looks from before the last fault tell nothing.
        await asyncio.sleep(1)
        while self.watch.unwell() or self.published.newest < self.truth.newest or self.windows.all_open():
            if time.monotonic() - last > LAST:
                break
            await asyncio.sleep(0.1)
        for name, wrong in self.watch.unwell().items():
            self.report.violation("not recovered", name, f"{LAST:.0f} s after the last fault: {wrong}")
        if self.published.newest < self.truth.newest:
            self.report.violation("not recovered", "centrals", "an old mesh is published")
        print(f"{time.monotonic() - self.report.began:8.2f}  "
              f"recovered {time.monotonic() - last:.1f} s after the last fault", flush=True)

    async def calm(self) -> None:
        """Load alone: only colors that have a share in the last map may answer."""
        unwell = self.watch.unwell()
        self.load.colors.clear()
        await asyncio.sleep(CALM)
        for (name, service), colors in self.load.colors.items():
            strangers = set() if service == "beacon" else colors - self.state.sharers(service)
            if strangers and name not in unwell:
                self.report.violation("wrong color", name, f"{service} is answered by {', '.join(sorted(strangers))}")


def accepts(port: int) -> bool:
    """Whether something takes connections on a port."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
