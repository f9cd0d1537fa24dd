"""Which faults are under way where, what they excuse, and for how long.

What a fault excuses, of its own target alone:

    loss     requests through the proxy, until it serves and is ready again
    egress   requests through its egress listener, and old maps there, until that serves again
    ready    `/ready` other than 200
    stale    a map that is not the newest published
    files    files that are missing or do not fit together

Every fault has to be over within a stated time after its end, and after the end of whatever else
hit the same target meanwhile. From then on losses are no longer excused.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from .plan import CENTRALS

EXCUSES = {
    "kill-envoy": {"loss", "ready", "stale"},
    "kill-nightjar": {"loss", "ready", "stale", "files"},
    "stop-envoy": {"loss", "ready", "stale"},
    "stop-nightjar": {"ready", "stale"},
    "unwritable": {"ready", "stale"},
    "vanish-file": {"ready", "stale", "files"},
    "vanish-folder": {"ready", "stale", "files"},
    "discovery": {"stale"},
    "port": {"egress"},
    "egress": {"egress"},
    "kill-central": {"stale"},
    "stop-central": {"stale"},
    "central-discovery": {"stale"},
    "central-store": {"stale"},
    # Not a fault of the schedule: a program that ended by itself, which is told as a violation.
    "ended": {"loss", "ready", "stale", "files"},
    "kill-backend": set(),
    "template": set(),
    "template-store": set(),
    "bootstrap": set(),
    "hup": set(),
}
# Seconds within which a target has to be well again after a fault.
RECOVERY = 20.0
# Seconds within which a published map has to be in force, and the mesh published.
STALE = 6.0
# Seconds for which a proxy may be unready without a fault.
READY = 5.0
# Seconds after the last fault within which the whole mesh has to be well.
LAST = 30.0
# For so many seconds after its end a fault counts as what may have caused something.
AFTERMATH = 5.0
# So many seconds after its beginning a fault has shown what it does. An Envoy shows only later that
# the one which it replaces has died: then its main thread waits 10 s, and it ends itself.
SETTLES, SETTLES_IN_HAND_OVER = 1.0, 6.0
# Envoy is started again after 1 s, then 2 s and so on if it dies again within so many seconds.
ENVOY_ROW, ENVOY_LONGEST_PAUSE = 60.0, 30.0


@dataclass
class Window:
    """One fault at one target."""

    kind: str
    target: str
    detail: str
    began: float
    # Seconds that recovery may take.
    bound: float
    # What it does may show only then.
    settles: float
    ends: float | None = None
    served_again: float | None = None
    closed: float | None = None
    overdue: float | None = None

    def excuses(self, what: str) -> bool:
        return what in EXCUSES[self.kind]

    def excused_until(self, what: str) -> float:
        """The last moment of which it excuses this."""
        until = [self.closed]
        if what in ("loss", "egress"):
            until += [self.served_again, self.overdue]
        return min((moment for moment in until if moment is not None), default=float("inf"))

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.target, self.detail)))


class Windows:
    """All faults so far, by target."""

    def __init__(self):
        self.by_target: dict[str, list[Window]] = {}

    def open(self, kind: str, target: str, detail: str = "", more: float = 0.0,
             settles: float = SETTLES) -> Window:
        """A fault begins; `more` seconds are added to what its recovery may take."""
        now = time.monotonic()
        if kind == "kill-envoy":
            row = sum(window.kind == kind and now - window.began < ENVOY_ROW for window in self.of(target))
            more += min(2.0 ** row, ENVOY_LONGEST_PAUSE)
        window = Window(kind, target, detail, now, RECOVERY + more, now + settles)
        self.by_target.setdefault(target, []).append(window)
        return window

    def of(self, target: str) -> list[Window]:
        return self.by_target.get(target, [])

    def still_open(self, target: str) -> list[Window]:
        return [window for window in self.of(target) if window.closed is None]

    def all_open(self) -> list[Window]:
        return [window for target in self.by_target for window in self.still_open(target)]

    def excuse(self, target: str, what: str, since: float, until: float) -> Window | None:
        """A fault that excuses what happened in a time."""
        return next((window for window in self.of(target) if window.excuses(what) and window.began <= until
                     and window.excused_until(what) >= since), None)

    def last_excused(self, target: str, what: str) -> float:
        """The last moment at which this was excused; now, if it still is."""
        now = time.monotonic()
        return max((min(now, window.excused_until(what)) for window in self.of(target) if window.excuses(what)),
                   default=0.0)

    def due(self, window: Window) -> float:
        """When the target has to be well again."""
        met = [other.ends for other in self.of(window.target)
               if other.closed is None or other.closed >= window.began]
        if any(ends is None for ends in met):
            return float("inf")
        return max(met) + window.bound

    def under_way(self, target: str) -> tuple[list[Window], bool]:
        """The faults at a target now and just before, or else those elsewhere; whether they are its own."""
        now = time.monotonic()
        recent = [window for windows in self.by_target.values() for window in windows
                  if window.closed is None or now - window.closed < AFTERMATH]
        targets = CENTRALS if target == "centrals" else (target,)
        own = [window for window in recent if window.target in targets]
        return own or recent, bool(own)
