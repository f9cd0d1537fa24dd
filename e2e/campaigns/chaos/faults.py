"""The faults: each begins, lasts and ends here, and says so to the windows."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import time
from pathlib import Path

from .mesh import HOST
from .plan import Event
from .processes import Process, send
from .programs import DRAIN_TIME, Node
from .windows import SETTLES, SETTLES_IN_HAND_OVER

# What Nightjar calls a file that it is writing: a folder of that name is in its way.
UNFINISHED = ".nightjar-new"
# How long all proxies may take to give a backend up, then how long they get to drain, in seconds.
GIVE_UP, DRAINED = 14.0, DRAIN_TIME + 2.0
# How long Envoy may take to close a port, in seconds.
PORT_CLOSES = 6.0
BACKEND_START = 1.5
HUPS_PER_SECOND = 20


class Faults:
    """Carries events out."""

    def __init__(self, campaign):
        self.campaign = campaign
        self.programs = campaign.programs
        self.windows = campaign.windows
        self.kinds = {
            "kill-envoy": self.kill_envoy, "kill-nightjar": self.kill_daemon, "kill-central": self.kill_daemon,
            "kill-backend": self.kill_backend, "unwritable": self.unwritable, "vanish-file": self.vanish,
            "vanish-folder": self.vanish, "stop-envoy": self.stop_envoy, "stop-nightjar": self.stop_daemon,
            "stop-central": self.stop_daemon, "port": self.port, "egress": self.egress,
            "template": self.template, "template-store": self.extension, "discovery": self.extension,
            "central-discovery": self.extension, "central-store": self.extension,
            "bootstrap": self.bootstrap, "hup": self.hup,
        }

    async def make(self, event: Event) -> None:
        """One fault, from its beginning to its end."""
        self.campaign.report.faults[event.kind] += 1
        await self.kinds[event.kind](event)

    def skip(self, event: Event, why: str) -> None:
        self.campaign.report.faults[event.kind] -= 1
        self.campaign.report.skip(event, why)

    def owner(self, event: Event):
        return self.programs.nodes.get(event.target) or self.programs.centrals[event.target]

    def pick(self, event: Event) -> int | None:
        """The Envoy that a fault is about; `None` if none runs."""
        envoys = self.programs.nodes[event.target].envoys()
        if not envoys:
            self.skip(event, "no Envoy runs")
            return None
        return envoys[-1] if event.detail == "newest" else envoys[0]

    async def kill_envoy(self, event: Event) -> None:
        pid = self.pick(event)
        if pid is not None:
            is_one_of_two = len(self.programs.nodes[event.target].envoys()) > 1
            window = self.windows.open(event.kind, event.target, event.detail,
                                       settles=SETTLES_IN_HAND_OVER if is_one_of_two else SETTLES)
            send(pid, signal.SIGKILL)
            window.ends = time.monotonic()

    async def kill_daemon(self, event: Event) -> None:
        """The end of a Nightjar program, and its start by an orchestrator a while later."""
        process: Process = self.owner(event).process
        if process.is_down:
            self.skip(event, "it is down already")
            return
        window = self.windows.open(event.kind, event.target)
        process.kill()
        await asyncio.sleep(event.length)
        process.start()
        window.ends = time.monotonic()

    async def stop_envoy(self, event: Event) -> None:
        pid = self.pick(event)
        if pid is not None:
            await self.hang(event, pid)

    async def stop_daemon(self, event: Event) -> None:
        process: Process = self.owner(event).process
        if process.has_ended():
            self.skip(event, "it does not run")
        else:
            await self.hang(event, process.pid)

    async def hang(self, event: Event, pid: int) -> None:
        """Stops a process for a while."""
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self.skip(event, "it has just ended")
            return
        window = self.windows.open(event.kind, event.target, event.detail)
        try:
            signal.pidfd_send_signal(handle, signal.SIGSTOP)
            await asyncio.sleep(event.length)
            signal.pidfd_send_signal(handle, signal.SIGCONT)
        except ProcessLookupError:
            # Something else has ended it meanwhile.
            pass
        finally:
            os.close(handle)
            window.ends = time.monotonic()

    async def kill_backend(self, event: Event) -> None:
        """The death of a backend that every proxy has given up."""
        began = time.monotonic()
        window = self.windows.open(event.kind, event.target, event.detail)
        generation = self.campaign.truth.newest
        while not self.campaign.watch.all_serve(generation):
            if time.monotonic() - began > GIVE_UP:
                self.skip(event, "not every proxy has given it up in time")
                window.ends = time.monotonic()
                return
            await asyncio.sleep(0.1)
        await asyncio.sleep(DRAINED)
        service, _, color = event.target.rpartition("-")
        process = self.programs.backends[service, color, int(event.detail)]
        process.kill()
        await asyncio.sleep(max(0.0, began + event.length - BACKEND_START - time.monotonic()))
        process.start()
        window.ends = time.monotonic()

    async def unwritable(self, event: Event) -> None:
        """A folder in which some of the files, or all, cannot be replaced."""
        folder = self.programs.nodes[event.target].folder
        window = self.windows.open(event.kind, event.target, event.detail)
        made = []
        for file in self.files(folder, event.detail):
            obstacle = file.with_name(file.name + UNFINISHED)
            try:
                obstacle.mkdir()
                made.append(obstacle)
            except OSError:
                # It is being written at this moment.
                continue
        await asyncio.sleep(event.length)
        for obstacle in made:
            if obstacle.is_dir():
                obstacle.rmdir()
        window.ends = time.monotonic()

    @staticmethod
    def files(folder: Path, kind: str) -> list[Path]:
        """The files of a proxy, or those whose names begin so."""
        start = "" if kind == "all" else kind
        try:
            return [file for file in folder.iterdir()
                    if file.name.startswith(start) and not file.name.startswith(".") and file.suffix != UNFINISHED]
        except OSError:
            return []

    async def vanish(self, event: Event) -> None:
        """A file that is removed, or the whole folder."""
        folder = self.programs.nodes[event.target].folder
        window = self.windows.open(event.kind, event.target, event.detail)
        if event.kind == "vanish-folder":
            shutil.rmtree(folder, ignore_errors=True)
        for file in self.files(folder, event.detail):
            file.unlink(missing_ok=True)
        window.ends = time.monotonic()

    async def egress(self, event: Event) -> None:
        """A way to the other namespace that the map gives up, and takes up again."""
        node = self.programs.nodes[event.target]
        window = self.windows.open(event.kind, event.target)
        node.egress_off = True
        await self.campaign.publish([("egress", event.target, False)])
        await asyncio.sleep(event.length)
        await self.campaign.publish([("egress", event.target, True)])
        node.egress_off = False
        window.ends = time.monotonic()

    async def port(self, event: Event) -> None:
        """The same, and somebody else has its port when the map takes it up again."""
        node = self.programs.nodes[event.target]
        began = time.monotonic()
        window = self.windows.open(event.kind, event.target)
        node.egress_off = True
        await self.campaign.publish([("egress", event.target, False)])
        taken = await self.take(node, began + PORT_CLOSES)
        await self.campaign.publish([("egress", event.target, True)])
        if taken is None:
            self.skip(event, "Envoy did not close the port in time")
        else:
            await asyncio.sleep(max(0.0, began + event.length - time.monotonic()))
            taken.close()
        node.egress_off = False
        window.ends = time.monotonic()

    @staticmethod
    async def take(node: Node, deadline: float) -> socket.socket | None:
        """Listens on a proxy's egress port as soon as Envoy has closed it."""
        while time.monotonic() < deadline:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, node.egress))
                listener.listen()
                return listener
            except OSError:
                listener.close()
            await asyncio.sleep(0.1)
        return None

    def in_scope(self, scope: str) -> list[str]:
        return [spec.name for spec in self.campaign.topology.proxies if spec.scope == scope]

    async def template(self, event: Event) -> None:
        """A broken template, and its mending."""
        windows = [self.windows.open(event.kind, name, event.detail) for name in self.in_scope(event.target)]
        self.programs.templates.break_one(event.target, event.detail)
        await asyncio.sleep(event.length)
        self.programs.templates.mend(event.target)
        for window in windows:
            window.ends = time.monotonic()

    async def bootstrap(self, event: Event) -> None:
        """A changed bootstrap, or two in a row."""
        windows = [self.windows.open(event.kind, name) for name in self.in_scope(event.target)]
        self.programs.templates.mark(event.target)
        if event.length > 0.5:
            await asyncio.sleep(event.length)
            self.programs.templates.mark(event.target)
        for window in windows:
            window.ends = time.monotonic() + DRAINED

    async def extension(self, event: Event) -> None:
        """An extension that fails, hangs or hands over rubbish."""
        document = {"template-store": "templates", "central-store": "store"}.get(event.kind, "discovery")
        # The pauses between tries may be as long as it has failed.
        window = self.windows.open(event.kind, event.target, event.detail, more=event.length)
        self.programs.control(event.target, document, event.detail)
        await asyncio.sleep(event.length)
        self.programs.control(event.target, document, "work")
        window.ends = time.monotonic()

    async def hup(self, event: Event) -> None:
        """SIGHUP many times a second, at one program or at all."""
        window = self.windows.open(event.kind, event.target, event.detail)
        one = [self.programs.nodes[event.target].process]
        for _ in range(int(event.length * HUPS_PER_SECOND)):
            for process in one if event.detail == "one" else self.programs.daemons():
                # One that has just been started does not listen for signals yet, and would die.
                if not process.has_ended() and process.age() > 1:
                    send(process.pid, signal.SIGHUP)
            await asyncio.sleep(1 / HUPS_PER_SECOND)
        window.ends = time.monotonic()
