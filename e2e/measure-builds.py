#!/usr/bin/env python3
"""How long each program takes to build, and how large it is, as a table for CONTRIBUTING.md.

    e2e/measure-builds.py [FOLDER]      default: target/measured-builds, emptied first

Builds the programs in the release profile, one after the other, into one folder: each line counts
what the lines before it have not built already. CPU time counts: the time it takes is that over the
number of cores, or somewhat more.
"""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = {
    "ext-store-local": "ext-store-local",
    "nightjar-standalone": "nightjar-standalone",
    "nightjar-cli": "nightjar",
    "nightjar-central": "nightjar-central",
    "ext-store-s3": "ext-store-s3",
    "ext-discovery-ecs": "ext-discovery-ecs",
    "ext-discovery-cloudmap": "ext-discovery-cloudmap",
}

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target/measured-builds"
shutil.rmtree(folder, ignore_errors=True)
subprocess.run(["cargo", "fetch", "--locked", "--quiet"], cwd=ROOT, check=True)


def spent():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


print("| program | CPU time of the build | size |\n|---|--:|--:|")
for package, program in PROGRAMS.items():
    before = spent()
    subprocess.run(
        ["cargo", "build", "--locked", "--quiet", "--release", "-p", package],
        cwd=ROOT,
        env={**os.environ, "CARGO_TARGET_DIR": str(folder), "CARGO_INCREMENTAL": "0"},
        check=True,
    )
    took = spent() - before
    size = (folder / "release" / program).stat().st_size / 2**20
    print(f"| `{program}` | {took:.0f} s | {size:.1f} MiB |", flush=True)
