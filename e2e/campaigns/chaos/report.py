"""What was counted, what broke a law, and how it is told."""

from __future__ import annotations

import collections
import time
from dataclasses import dataclass

# Losses of one kind at one place, no further apart than so many seconds, are one violation.
EPISODE = 3.0
LOG_LINES = 6


@dataclass
class Violation:
    """Something that must not happen."""

    law: str
    target: str
    text: str
    first: str
    at: float
    until: float
    faults: list[str]
    own: bool
    log: list[str]
    count: int = 1


class Report:
    """The figures of a run."""

    def __init__(self, windows, logs):
        self.began = time.monotonic()
        self.windows = windows
        self.logs = logs
        self.faults: collections.Counter = collections.Counter()
        self.skipped: collections.Counter = collections.Counter()
        self.excused: collections.Counter = collections.Counter()
        self.requests = 0
        self.lost = 0
        self.maps = 0
        self.checks = 0
        self.violations: list[Violation] = []

    def violation(self, law: str, target: str, text: str, first: str = "") -> None:
        """Notes a broken law, and tells it at once; the next of an episode only counts.

        `first` is said of the first alone, and does not tell episodes apart.
        """
        now = time.monotonic()
        for known in reversed(self.violations):
            if (known.law, known.target, known.text) == (law, target, text) and now - known.until < EPISODE:
                known.count += 1
                known.until = now
                return
        under_way, own = self.windows.under_way(target)
        broken = Violation(law, target, text, first, now, now, [str(window) for window in under_way], own,
                           self.logs(target, LOG_LINES))
        self.violations.append(broken)
        print(f"{now - self.began:8.2f}  VIOLATION  {law}  {target}: {text}{first}", flush=True)

    def skip(self, event, why: str) -> None:
        """A fault could not be made."""
        self.skipped[event.kind] += 1
        print(f"{time.monotonic() - self.began:8.2f}  skipped {event.kind} {event.target}: {why}", flush=True)

    def print(self, seed: int, seconds: float, usage: list[str]) -> None:
        """The whole story at the end of a run."""
        for violation in self.violations:
            self.print_violation(violation)
        print(f"\n{'fault':18} {'made':>6} {'skipped':>8} {'excused losses':>15} {'violations':>11}")
        blamed = self.blamed()
        for kind in sorted({*self.faults, *self.skipped, *self.excused, *blamed}):
            print(f"{kind:18} {self.faults[kind]:>6} {self.skipped[kind]:>8} {self.excused[kind]:>15} "
                  f"{blamed[kind]:>11}")
        laws = collections.Counter(violation.law for violation in self.violations)
        for line in usage:
            print(line)
        print(f"seed {seed}, {seconds:.0f} s, {self.maps} maps, {sum(self.faults.values())} faults, "
              f"{self.checks} looks at files")
        print(f"{self.requests} requests, {self.lost} lost, {sum(self.excused.values())} excused")
        print(f"{len(self.violations)} violations" + "".join(f", {law} {count}" for law, count in laws.items()))

    def print_violation(self, violation: Violation) -> None:
        span = f"{violation.at - self.began:.2f} s"
        if violation.count > 1:
            span += f" to {violation.until - self.began:.2f} s, {violation.count} times"
        print(f"\nviolation: {violation.law}, {violation.target}, {span}: {violation.text}{violation.first}")
        where = "under way" if violation.own else "under way elsewhere"
        print(f"    {where}: {'; '.join(violation.faults) or 'no fault'}")
        for line in violation.log:
            print(f"    | {line[:240]}")

    def blamed(self) -> collections.Counter:
        """Violations by the kinds of the faults that were under way at their target."""
        blamed: collections.Counter = collections.Counter()
        for violation in self.violations:
            kinds = {fault.split(" ")[0] for fault in violation.faults} if violation.own else set()
            blamed.update(kinds or {"(elsewhere)"})
        return blamed
