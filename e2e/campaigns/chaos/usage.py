"""Memory and descriptors of the Nightjar programs, which must not grow."""

from __future__ import annotations

import asyncio
import statistics

from .processes import Process, usage

PAUSE = 1.0
# What the last third of a run may have more than the first, by medians: memory both by this share
# and by so many KiB, and so many descriptors.
MEMORY_SHARE, MEMORY_KIB, DESCRIPTORS = 1.25, 4096, 8
# With fewer looks nothing can be said.
FEWEST = 9


class Usage:
    """What each program used, second by second."""

    def __init__(self, daemons: list[Process]):
        self.daemons = daemons
        self.samples: dict[str, list[tuple[int, int]]] = {process.name: [] for process in daemons}

    async def run(self) -> None:
        while True:
            for process in self.daemons:
                found = None if process.has_ended() else usage(process.pid)
                if found is not None:
                    self.samples[process.name].append(found)
            await asyncio.sleep(PAUSE)

    def thirds(self, name: str) -> tuple[list[float], list[float]] | None:
        """The medians of memory and descriptors in the first and in the last third."""
        samples = self.samples[name]
        if len(samples) < FEWEST:
            return None
        third = len(samples) // 3
        return tuple([statistics.median(column) for column in zip(*part, strict=True)]
                     for part in (samples[:third], samples[-third:]))

    def growth(self) -> list[tuple[str, str]]:
        """Which program grew by more than it may, and how."""
        found = []
        for name in self.samples:
            thirds = self.thirds(name)
            if thirds is None:
                continue
            (memory, descriptors), (memory_after, descriptors_after) = thirds
            if memory_after > max(memory * MEMORY_SHARE, memory + MEMORY_KIB):
                found.append((name, f"resident memory grew from {memory / 1024:.1f} to {memory_after / 1024:.1f} MiB"))
            if descriptors_after > descriptors + DESCRIPTORS:
                found.append((name, f"open descriptors grew from {descriptors:.0f} to {descriptors_after:.0f}"))
        return found

    def summary(self) -> list[str]:
        """The extremes over all programs, a line each."""
        known = {name: thirds for name in self.samples if (thirds := self.thirds(name)) is not None}
        if not known:
            return []
        lines = []
        for place, what, unit in ((0, "resident memory, MiB", 1024), (1, "descriptors", 1)):
            name = max(known, key=lambda name, place=place: known[name][1][place] - known[name][0][place])
            first, last = known[name][0][place] / unit, known[name][1][place] / unit
            most = max(thirds[1][place] for thirds in known.values()) / unit
            lines.append(f"{what}: at most {most:.1f}; grew most in {name}, from {first:.1f} to {last:.1f}")
        return lines
