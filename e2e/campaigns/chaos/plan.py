"""The schedule of a campaign, all of it made from one seed before anything starts."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .mesh import COLORS, POOL, State, Topology

# Each kind of fault: how often it comes in a round of the schedule, and its shortest and longest
# time in seconds. What must not hold a map back lasts longer than a map may take.
KINDS = {
    "kill-envoy": (4, 0.0, 0.0),
    "kill-nightjar": (3, 0.1, 1.5),
    "kill-central": (1, 0.2, 3.0),
    "kill-backend": (2, 24.0, 24.0),
    "unwritable": (2, 2.0, 6.0),
    "vanish-file": (1, 0.0, 0.0),
    "vanish-folder": (1, 0.0, 0.0),
    "stop-envoy": (2, 1.0, 5.0),
    "stop-nightjar": (2, 1.0, 6.0),
    "stop-central": (1, 1.0, 5.0),
    "port": (2, 9.0, 13.0),
    "egress": (1, 4.0, 8.0),
    "template": (3, 8.0, 11.0),
    "template-store": (2, 8.0, 11.0),
    "discovery": (3, 2.0, 6.0),
    "central-discovery": (1, 2.0, 6.0),
    "central-store": (1, 2.0, 6.0),
    "bootstrap": (3, 0.0, 1.5),
    "hup": (2, 0.5, 2.0),
}
CENTRALS = ("central-1", "central-2")
# What an extension does instead of its work; `extension.sh` carries them out.
FETCH_MODES = ("fail", "fatal", "hang", "garbage", "truncated", "invalid", "nothing")
MAP_MODES = (*FETCH_MODES, "empty")
COMMIT_MODES = ("fail", "fatal", "hang", "done-but-failed")
TEMPLATE_MODES = ("syntax", "json", "cluster", "listener")
UNWRITABLE = ("all", "cds", "lds", "rds", "envoy")
# What often follows another fault of the same proxy before that is over, and how often.
SECOND_KINDS = ("kill-envoy", "kill-nightjar", "stop-envoy", "stop-nightjar", "unwritable", "bootstrap", "hup")
SECOND_SHARE, SECOND_PAUSE = 0.4, (0.05, 2.5)
# No fault begins so soon after the start, in seconds.
CALM = 1.0


@dataclass(frozen=True)
class Event:
    """One fault or one change of the map."""

    at: float
    kind: str
    target: str
    length: float = 0.0
    detail: str = ""
    operations: tuple = field(default=())

    def __str__(self) -> str:
        parts = [f"{self.at:8.2f}  {self.kind:17} {self.target:18}"]
        if self.length:
            parts.append(f"{self.length:.2f} s")
        if self.detail:
            parts.append(self.detail)
        for value, key, new in self.operations:
            name = key if isinstance(key, str) else "-".join(map(str, key))
            parts.append(f"{value} {name}={sorted(new) if isinstance(new, frozenset) else new}")
        return "  ".join(parts)


class Planner:
    """Draws events in the order of their times, and knows what the map says at each."""

    def __init__(self, topology: Topology, seed: int, seconds: float, only: list[str]):
        self.topology = topology
        self.rng = random.Random(seed)
        self.seconds = seconds
        self.kinds = only or list(KINDS)
        self.scopes = {proxy.name: proxy.scope for proxy in topology.proxies}
        self.state = State(topology)
        # Backends that are being killed, and until when no map may name them.
        self.held: dict[tuple[str, str, int], float] = {}
        # When a target is free again for a kind of fault.
        self.busy: dict[tuple[str, str], float] = {}
        self.bag: list[str] = []

    def plan(self) -> list[Event]:
        """The whole schedule: a fault about every two seconds, a map the more often the fewer proxies."""
        pace = max(1.0, 0.25 * len(self.topology.proxies))
        moments = [(at, self.fault) for at in self.moments(lambda: self.rng.uniform(0.3, 3.7))]
        moments += [(at, self.change) for at in self.moments(lambda: self.rng.uniform(0.5, 1.5) * pace)]
        moments.sort(key=lambda moment: moment[0])
        events = [event for at, draw in moments for event in draw(at)]
        return sorted(events, key=lambda event: event.at)

    def moments(self, pause) -> list[float]:
        times, at = [], CALM + pause()
        while at < self.seconds:
            times.append(round(at, 2))
            at += pause()
        return times

    def fault(self, at: float) -> list[Event]:
        """The next fault from the bag, and now and then another on top; none if there is no time for it."""
        if not self.bag:
            self.bag = [kind for kind in self.kinds for _ in range(KINDS[kind][0])]
            self.rng.shuffle(self.bag)
        kind = self.bag.pop()
        first = self.backend(at) if kind == "kill-backend" else self.one(at, kind, self.targets(kind))
        proxies = [proxy.name for proxy in self.topology.proxies
                   if first is not None and first.target in (proxy.name, proxy.scope)]
        seconds = [kind for kind in SECOND_KINDS if kind in self.kinds]
        if not proxies or not seconds or self.rng.random() > SECOND_SHARE:
            return [first] if first is not None else []
        kind, proxy = self.rng.choice(seconds), self.rng.choice(proxies)
        targets = [name for name in self.targets(kind) if name in (proxy, self.scopes[proxy])]
        second = self.one(round(at + self.rng.uniform(*SECOND_PAUSE), 2), kind, targets)
        return [first] if second is None else [first, second]

    def one(self, at: float, kind: str, targets: list[str]) -> Event | None:
        """A fault of a kind at one of some targets; `None` if there is no time, or none is free."""
        length = self.length(kind)
        # A taken port is a case of an egress that comes and goes.
        group = "egress" if kind == "port" else kind
        free = [target for target in targets if self.busy.get((group, target), 0) <= at]
        if not free or at + length > self.seconds:
            return None
        target = self.rng.choice(free)
        self.busy[group, target] = at + length + 4
        return Event(at, kind, target, length, self.detail(kind))

    def length(self, kind: str) -> float:
        return round(self.rng.uniform(*KINDS[kind][1:]), 2)

    def targets(self, kind: str) -> list[str]:
        if kind in ("egress", "port"):
            return [proxy.name for proxy in self.topology.sidecars]
        if kind in ("template", "bootstrap"):
            return sorted({proxy.scope for proxy in self.topology.proxies})
        if "central" in kind:
            return list(CENTRALS)
        return [proxy.name for proxy in self.topology.proxies]

    def detail(self, kind: str) -> str:
        choices = {
            "kill-envoy": ("newest", "newest", "oldest"), "stop-envoy": ("newest", "newest", "oldest"),
            "discovery": MAP_MODES, "central-discovery": MAP_MODES, "template-store": FETCH_MODES,
            "central-store": COMMIT_MODES, "template": TEMPLATE_MODES, "unwritable": UNWRITABLE,
            "vanish-file": ("cds", "lds", "rds", "envoy"), "hup": ("one", "all"),
        }
        return self.rng.choice(choices[kind]) if kind in choices else ""

    def backend(self, at: float) -> Event | None:
        """The death of a backend that the map gives up first."""
        length = self.length("kill-backend")
        if at + length > self.seconds:
            return None
        self.release(at)
        candidates = []
        for member in self.topology.members:
            for number in range(POOL):
                rest = self.state.active[member] - {number}
                taken = any(held[:2] == member for held in self.held)
                if not taken and self.allowed([("active", member, rest)]):
                    candidates.append((member, number, rest))
        if not candidates:
            return None
        member, number, rest = self.rng.choice(candidates)
        operations = (("active", member, rest),)
        self.state.apply(operations)
        self.held[(*member, number)] = at + length
        return Event(at, "kill-backend", f"{member[0]}-{member[1]}", length, str(number), operations)

    def release(self, at: float) -> None:
        self.held = {backend: until for backend, until in self.held.items() if until > at}

    def allowed(self, operations: list[tuple]) -> bool:
        """Whether every service is still served after these."""
        trial = State(self.topology)
        trial.active, trial.weight = dict(self.state.active), dict(self.state.weight)
        trial.apply([operation for operation in operations if operation[0] in ("active", "weight")])
        return all(trial.serves(service) for service in self.state.extra)

    def change(self, at: float) -> list[Event]:
        """A new map: one to three changes of it, and always another address of the beacon."""
        self.release(at)
        operations: list[tuple] = []
        for _ in range(self.rng.choice((0, 1, 1, 1, 2, 3))):
            drawn = self.draw()
            if self.allowed(drawn):
                self.state.apply(drawn)
                operations += drawn
        return [Event(at, "map", "mesh", 0.0, "", tuple(operations))]

    def draw(self) -> list[tuple]:
        member = self.rng.choice(self.topology.members)
        service, color = member
        kind = self.rng.choice(("move", "move", "weight", "extra", "zero", "swap"))
        usable = [number for number in range(POOL) if (*member, number) not in self.held]
        some = frozenset(self.rng.sample(usable, self.rng.randint(1, len(usable))))
        if kind == "move":
            return [("active", member, some)]
        if kind == "weight":
            return [("weight", member, self.rng.choice((0, 1, 2, 5, 9)))]
        if kind == "extra":
            return [("extra", service, not self.state.extra[service])]
        if kind == "zero":
            return [("active", member, frozenset() if self.state.active[member] else some)]
        other = (service, COLORS[1 - COLORS.index(color)])
        return [("active", member, some), ("weight", member, 1), ("active", other, frozenset())]


def make(topology: Topology, seed: int, seconds: float, only: list[str]) -> list[Event]:
    """The schedule that a seed stands for, in a mesh of this shape."""
    return Planner(topology, seed, seconds, only).plan()
