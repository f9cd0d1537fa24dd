#!/usr/bin/env python3
"""A mesh of many proxies under random faults and steady load. Exits with 1 if a law is broken.

    chaos.py [--seed N] [--seconds N] [--proxies N] [--rate N] [--only KIND,…] [--plan]
             [--programs DIR] [--envoy FILE] [--folder DIR]

Two namespaces with gateways and sidecars, services of two colors each, two centrals, extensions that
fail, hang and hand over rubbish, real Envoys. The seed makes the whole schedule; --plan prints it and
starts nothing. The laws, all the while:

    lost              no request is lost while a healthy endpoint is known, unless a fault excuses it
    torn files        the files of a proxy parse, and routes name only clusters that are there
    no configuration  an Envoy that answers has accepted clusters, and listeners where all can bind
    unready           a proxy is ready, unless a fault excuses it
    stale             a published map is in force soon, `stale egress` likewise
    unpublished       the mesh is published soon, while one central is undisturbed
    went back         no old mesh is published over a newer one
    overdue           a proxy or central is well again soon after a fault
    ended             no program of Nightjar's ends by itself
    not recovered     all is well soon after the last fault, `wrong color` by the answers
    growth            memory and descriptors do not grow

chaos/windows.py says what each fault excuses, and every bound. Needs Python 3.11 and Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import shutil
import signal
import sys
from pathlib import Path

from chaos import campaign, mesh, plan, processes, programs

ROOT = Path(__file__).resolve().parents[2]
# inotify instances of one Envoy: one for each file that it watches. Two Envoys run during a hot
# restart, of the proxies whose bootstrap a fault changes at a time.
INOTIFY_EACH, INOTIFY_SPARE = 4, 16


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600, help="how long faults are made (default: 600)")
    parser.add_argument("--proxies", type=int, default=20, help="at least 4 (default: 20)")
    parser.add_argument("--rate", type=float, default=15, help="requests a second for each proxy (default: 15)")
    parser.add_argument("--only", default="", help="these kinds of faults alone, by commas")
    parser.add_argument("--plan", action="store_true", help="print the schedule, and start nothing")
    parser.add_argument("--programs", type=Path, default=ROOT / "target/debug")
    parser.add_argument("--envoy", type=Path, default=ROOT / ".venv/bin/envoy")
    parser.add_argument("--folder", type=Path, default=ROOT / ".chaos", help="where everything is written")
    options = parser.parse_args()
    options.only = [kind for kind in options.only.split(",") if kind]
    unknown = set(options.only) - set(plan.KINDS)
    if unknown or options.proxies < 4:
        parser.error(f"no such kinds: {', '.join(sorted(unknown))}" if unknown else "it takes 4 proxies at least")
    return options


def check(options: argparse.Namespace) -> None:
    """Fails with all that is missing, before anything is started."""
    names = ("nightjar-standalone", "nightjar-central", "ext-store-local", "sample-service")
    wanted = [options.programs / name for name in names] + [options.envoy]
    missing = [str(path) for path in wanted if not os.access(path, os.X_OK)]
    if missing:
        raise campaign.Failed("there is no program " + ", ".join(missing))
    left, need = processes.inotify_left(), options.proxies * INOTIFY_EACH + INOTIFY_SPARE
    if left < need:
        raise campaign.Failed(f"{left} inotify instances are left, {options.proxies} proxies need {need}\n"
                              "hint: raise fs.inotify.max_user_instances, or take fewer --proxies")


def clean_folder(folder: Path):
    """An empty folder, held for this process: a second campaign would overwrite the first."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise campaign.Failed(f"another campaign runs in {folder}") from None
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()
    return lock


async def conduct(running: programs.Programs, options: argparse.Namespace, events: list[plan.Event]) -> bool:
    """A run, until its end or until it is told to stop; whether all laws held."""
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    run = campaign.Campaign(running, options.rate)
    try:
        print(f"starting {options.proxies} proxies", flush=True)
        await run.start()
        print("all are ready", flush=True)
        usage = await run.run(events)
    finally:
        run.beacon.close()
        killed = running.end()
    for name in killed:
        run.report.violation("ended", name, "had to be killed at the end")
    run.report.print(options.seed, options.seconds, usage.summary())
    return not run.report.violations


def main() -> int:
    options = arguments()
    topology = mesh.Topology(options.proxies)
    events = plan.make(topology, options.seed, options.seconds, options.only)
    if options.plan:
        print(*events, sep="\n")
        return 0
    options.folder, options.programs = options.folder.resolve(), options.programs.resolve()
    options.envoy = Path(os.path.abspath(options.envoy))
    try:
        check(options)
        with clean_folder(options.folder):
            running = programs.Programs(topology, options.folder, options.programs, options.envoy)
            return 0 if asyncio.run(conduct(running, options, events)) else 1
    except campaign.Failed as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    except asyncio.CancelledError:
        print("chaos: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
