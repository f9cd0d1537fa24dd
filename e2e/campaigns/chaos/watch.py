"""Looks at every proxy and central all the while, and tells what breaks a law."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from . import client, files
from .programs import Central, Node, generation
from .windows import READY, STALE, Window

# Seconds between two looks at a proxy; while its losses are excused, until it is ready again.
PAUSE, EAGER_PAUSE = 0.5, 0.1
# Seconds that an answer to a look may take.
LOOK_TIMEOUT = 3.0
# A proxy that is behind for no longer has caught up: maps come all the time.
CAUGHT_UP = 3.0
# Envoy is asked what it has accepted at every so manieth look.
ACCEPTED_EVERY = 4
# Seconds for which a new Envoy may not have accepted anything yet.
ACCEPTING = 3.0
CLUSTERS, LISTENERS = "cluster_manager.cds.version_text", "listener_manager.lds.version_text"


@dataclass
class Seen:
    """What a look at a proxy found."""

    began: float
    ready: client.Answer
    # What Envoy's admin interface says: its main thread may hang while its workers serve.
    envoy: client.Answer
    # The map that each listener serves; `None` if it does not answer, or is not there now.
    main: int | None
    egress: int | None
    files: str | None
    has_envoy: bool


class Watch:
    """The looks, and what they have in common."""

    def __init__(self, campaign):
        self.campaign = campaign
        self.windows = campaign.windows
        self.report = campaign.report
        # What each listener served when it last answered.
        self.served: dict[tuple[str, str], int] = {}
        self.last: dict[str, Seen] = {}
        self.since: dict[tuple[str, str], float] = {}
        self.told: set[tuple[str, str]] = set()
        self.tasks: list[asyncio.Task] = []

    def start(self) -> None:
        programs = self.campaign.programs
        looks = [self.proxy(node) for node in programs.nodes.values()]
        looks += [self.central(central) for central in programs.centrals.values()]
        self.tasks = [asyncio.create_task(look) for look in [*looks, self.publishing()]]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        for result in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    def newest(self, node: Node):
        """The maps that a proxy can read."""
        return self.campaign.truth if node.spec.standalone else self.campaign.published

    async def proxy(self, node: Node) -> None:
        number = 0
        while True:
            number += 1
            self.revive(node)
            seen = await self.look(node)
            self.last[node.name] = seen
            self.judge(node, seen)
            if number % ACCEPTED_EVERY == 0:
                await self.ask_accepted(node)
            waits = any(window.excuses("loss") and window.served_again is None
                        for window in self.windows.still_open(node.name))
            await asyncio.sleep(EAGER_PAUSE if waits else PAUSE)

    def revive(self, owner: Node | Central) -> None:
        """Starts a program that has ended by itself, as an orchestrator would."""
        process = owner.process
        if process.is_down or not process.has_ended():
            return
        self.report.violation("ended", owner.name, f"ended by itself with {process.popen.returncode}")
        window = self.windows.open("ended", owner.name)
        process.start()
        window.ends = time.monotonic()

    async def look(self, node: Node) -> Seen:
        began = time.monotonic()
        asked = [client.get(node.status, "/ready", LOOK_TIMEOUT), client.get(node.admin, "/ready", LOOK_TIMEOUT),
                 client.get(node.port, "/beacon/", LOOK_TIMEOUT)]
        if node.egress is not None and not node.egress_off:
            asked.append(client.get(node.egress, "/beacon/", LOOK_TIMEOUT))
        ready, envoy, *beacons = await asyncio.gather(*asked)
        maps = [self.told_map(node, listener, answer)
                for listener, answer in zip(("main", "egress"), beacons, strict=False)]
        self.report.checks += 1
        # The processes before the files: files may not fit together while no Envoy runs.
        has_envoy = bool(node.envoys())
        egress = maps[1] if len(maps) > 1 else None
        return Seen(began, ready, envoy, maps[0], egress, files.fault(node.folder), has_envoy)

    def told_map(self, node: Node, listener: str, answer: client.Answer) -> int | None:
        if answer.status != 200 or not answer.who.startswith("beacon-"):
            return None
        self.served[node.name, listener] = int(answer.who.removeprefix("beacon-"))
        return self.served[node.name, listener]

    def behind(self, node: Node, listener: str) -> float:
        """For how many seconds a listener has served an old map without an excuse."""
        since = self.newest(node).behind_since(self.served.get((node.name, listener), 0))
        if since is None:
            return 0.0
        excused = [self.windows.last_excused(node.name, "stale")]
        if listener == "egress":
            excused.append(self.windows.last_excused(node.name, "egress"))
        return time.monotonic() - max(since, *excused)

    def judge(self, node: Node, seen: Seen) -> None:
        now = time.monotonic()
        excused = {what for what in ("ready", "files") if self.windows.excuse(node.name, what, now, now)}
        unready = seen.ready.status != 200 and "ready" not in excused
        self.law(node.name, "unready", unready, READY, f"/ready: {seen.ready.status} {seen.ready.body[:160]}")
        is_stale = self.behind(node, "main") > STALE
        self.law(node.name, "stale", is_stale, 0,
                 f"serves an old map though a newer one has been there for {STALE:.0f} s")
        if node.egress is not None and not node.egress_off and not is_stale:
            self.law(node.name, "stale egress", self.behind(node, "egress") > STALE, 0,
                     f"serves an old map, or none, though a newer one has been there for {STALE:.0f} s")
        torn = seen.files is not None and seen.has_envoy and "files" not in excused
        self.law(node.name, "torn files", torn, 0, str(seen.files))
        for window in self.windows.still_open(node.name):
            self.close(window, seen.began, self.what_is_wrong(node, seen), self.serves(node, seen, window))

    def law(self, target: str, law: str, broken: bool, bound: float, text: str) -> None:
        """Tells once that a law has been broken for longer than it may, until it holds again."""
        now, key = time.monotonic(), (target, law)
        if not broken:
            self.since.pop(key, None)
            self.told.discard(key)
        elif now - self.since.setdefault(key, now) >= bound and key not in self.told:
            self.told.add(key)
            self.report.violation(law, target, text)

    def what_is_wrong(self, node: Node, seen: Seen) -> str | None:
        """Why a proxy is not well; `None` if it is."""
        if seen.ready.status != 200:
            return f"/ready: {seen.ready.status} {seen.ready.body[:120]}"
        if seen.envoy.status != 200:
            return f"Envoy's admin interface: {seen.envoy.status} {seen.envoy.body[:120]}"
        if seen.main is None:
            return "its main listener does not answer"
        if seen.files is not None:
            return seen.files
        listeners = {"main": seen.main}
        if node.egress is not None and not node.egress_off:
            if seen.egress is None:
                return "its egress listener does not answer"
            listeners["egress"] = seen.egress
        for listener, served in listeners.items():
            since = self.newest(node).behind_since(served)
            if since is not None and time.monotonic() - since > CAUGHT_UP:
                return f"its {listener} listener serves an old map"
        return None

    @staticmethod
    def serves(node: Node, seen: Seen, window: Window) -> bool:
        """Whether requests that a fault excused have to succeed again."""
        if window.excuses("egress"):
            return seen.egress is not None
        return seen.ready.status == seen.envoy.status == 200 and seen.main is not None

    def close(self, window: Window, looked: float, wrong: str | None, serves: bool) -> None:
        """Notes that a fault is over, or that it should be by now, after a look that began at a time."""
        now = time.monotonic()
        if window.ends is None or looked < max(window.ends, window.settles):
            return
        if window.served_again is None and serves:
            window.served_again = now
        has_excuses = any(window.excuses(what) for what in ("loss", "egress", "ready", "stale", "files"))
        if wrong is None or not has_excuses:
            window.closed = now
        elif window.overdue is None and now > self.windows.due(window):
            window.overdue = now
            self.report.violation("overdue", window.target,
                                  f"not well within {window.bound:.0f} s after {window.kind}: {wrong}")

    async def ask_accepted(self, node: Node) -> None:
        """Envoy has to have accepted clusters and listeners, whenever it answers."""
        answer = await client.get(node.admin, "/stats?type=TextReadouts&filter=version_text", LOOK_TIMEOUT)
        if answer.status != 200:
            return
        lines = dict(line.split(": ", 1) for line in answer.body.splitlines() if ": " in line)
        now = time.monotonic()
        # An Envoy that starts while a port is taken serves every other listener, and reports no version
        # of the listeners until it has them all. Whether it serves is judged by its answers.
        has_unbound = self.windows.excuse(node.name, "egress", now - ACCEPTING, now) is not None
        asked = (CLUSTERS,) if has_unbound else (CLUSTERS, LISTENERS)
        missing = [name for name in asked if lines.get(name, '""') == '""']
        excused = self.windows.excuse(node.name, "loss", now, now) is not None
        self.law(node.name, "no configuration", bool(missing) and not excused, ACCEPTING,
                 f"Envoy has accepted no version of {', '.join(missing)}")

    async def central(self, central: Central) -> None:
        while True:
            self.revive(central)
            began = time.monotonic()
            ready = await client.get(central.status, "/ready", LOOK_TIMEOUT)
            since = self.campaign.truth.behind_since(self.campaign.published.newest)
            wrong = None
            if ready.status != 200:
                wrong = f"/ready: {ready.status} {ready.body[:120]}"
            elif since is not None and time.monotonic() - since > CAUGHT_UP:
                wrong = "an old mesh is published"
            for window in self.windows.still_open(central.name):
                self.close(window, began, wrong, True)
            await asyncio.sleep(PAUSE)

    async def publishing(self) -> None:
        """When which map was published, and whether that was soon enough for one of the centrals."""
        published, truth = self.campaign.published, self.campaign.truth
        went_back = 0.0
        while True:
            before, there = published.newest, generation(self.campaign.programs.published)
            if there and published.note(there):
                self.report.violation("went back", "centrals", "an older mesh was published over a newer one",
                                      f", map {there} over {before}")
                went_back = time.monotonic()
            since = truth.behind_since(published.newest)
            excused = min(self.windows.last_excused(name, "stale") for name in self.campaign.programs.centrals)
            late = since is not None and time.monotonic() - max(since, excused, went_back) > STALE
            self.law("centrals", "unpublished", late, 0,
                     f"the mesh was not published within {STALE:.0f} s")
            await asyncio.sleep(0.1)

    def all_serve(self, number: int) -> bool:
        """Whether every listener serves this map or a newer one."""
        nodes = self.campaign.programs.nodes.values()
        main = all(self.served.get((node.name, "main"), 0) >= number for node in nodes)
        return main and all(self.served.get((node.name, "egress"), 0) >= number for node in nodes
                            if node.egress is not None and not node.egress_off)

    def unwell(self) -> dict[str, str]:
        """Who is not well at the end, and why; without a newer map, nobody may be behind."""
        programs = self.campaign.programs
        found = {name: wrong for name, node in programs.nodes.items()
                 if (wrong := self.what_is_wrong(node, self.last[name])) is not None}
        for node in programs.nodes.values():
            for listener in ("main", "egress") if node.egress is not None else ("main",):
                if self.served.get((node.name, listener), 0) < self.campaign.truth.newest:
                    found.setdefault(node.name, f"its {listener} listener serves an old map")
        return found
