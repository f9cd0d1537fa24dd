#!/usr/bin/env python3
"""The lines of a crate that its unit tests reach, file by file, tests aside.

    e2e/coverage.py [--least PERCENT] [--lines FILE] [PACKAGE] [-- ARGUMENTS OF THE TESTS]

PACKAGE is nightjar-standalone if not given. With --least, less than that fails; with --lines, the lines of
one file that no test reaches are printed too. Only the crate itself counts its lines, so that what it
depends on is built once for this and for other tests. llvm-cov and llvm-profdata have to be those of the
compiler: `rustup component add llvm-tools` installs them.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CARGO = os.environ.get("CARGO", "cargo")


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def tool(name):
    host = re.search(r"^host: (\S+)$", output("rustc", "-vV"), re.MULTILINE)[1]
    path = Path(output("rustc", "--print", "sysroot").strip(), "lib/rustlib", host, "bin", name)
    if not path.exists():
        sys.exit(f"{path} is not there\nhint: rustup component add llvm-tools")
    return str(path)


def run_tests(package, folder, arguments):
    """Runs the unit tests, and gives the program that has them and what it counted."""
    build = [CARGO, "rustc", "--locked", "--package", package, "--lib", "--profile", "test"]
    messages = output(
        *build, "--message-format", "json-render-diagnostics", "--", "-Cinstrument-coverage"
    )
    messages = [json.loads(line) for line in messages.splitlines() if line.startswith("{")]
    [program] = [it["executable"] for it in messages if it.get("executable")]
    tests = subprocess.run(
        [program, "--quiet", *arguments],
        check=False,
        cwd=ROOT / package,
        # Children of the tests count for themselves.
        env={**os.environ, "LLVM_PROFILE_FILE": f"{folder}/%p.profraw"},
        stdout=sys.stderr,
    )
    if tests.returncode:
        sys.exit("a test failed")
    return program, sorted(map(str, Path(folder).glob("*.profraw")))


def tests_of(source):
    """The lines of a file that only tests have, and the modules that are only theirs."""
    lines, modules = set(), set()
    text = source.read_text().splitlines()
    for number, line in enumerate(text, 1):
        if line.strip() != "#[cfg(test)]":
            continue
        indent = line[: len(line) - len(line.lstrip())]
        item = next(
            at for at in range(number, len(text)) if not text[at].lstrip().startswith(("#[", "//"))
        )
        module = re.match(r"\s*(?:pub(?:\([^)]*\))? )?mod (\w+);", text[item])
        if module:
            inner = source.stem in ("lib", "main", "mod")
            folder = source.parent if inner else source.with_suffix("")
            modules |= {folder / f"{module[1]}.rs", folder / module[1]}
        end = item
        while not text[item].rstrip().endswith(";") and text[end] != f"{indent}}}":
            end += 1
        lines |= set(range(number, end + 2))
    return lines, modules


def covered(package, lcov):
    """Of each file that is not for tests, how often each of its lines was reached."""
    sources = sorted((ROOT / package / "src").rglob("*.rs"))
    aside, modules = {}, set()
    for source in sources:
        aside[source], own = tests_of(source)
        modules |= own
    files, source = {}, None
    for line in lcov.splitlines():
        if line.startswith("SF:"):
            source = ROOT / line[3:]
        elif line.startswith("DA:") and source in aside:
            number, count = map(int, line[3:].split(",")[:2])
            is_test = modules & {source, *source.parents} or number in aside[source]
            if not is_test:
                files.setdefault(source, {})[number] = count
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--least", type=float, metavar="PERCENT")
    parser.add_argument("--lines", metavar="FILE")
    parser.add_argument("package", nargs="?", default="nightjar-standalone")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments = parser.parse_args(sys.argv[1:split])
    llvm_profdata, llvm_cov = tool("llvm-profdata"), tool("llvm-cov")
    with tempfile.TemporaryDirectory() as folder:
        program, profiles = run_tests(arguments.package, folder, sys.argv[split + 1 :])
        merged = f"{folder}/merged.profdata"
        output(llvm_profdata, "merge", "--sparse", "--output", merged, *profiles)
        lcov = output(llvm_cov, "export", "--format=lcov", f"--instr-profile={merged}", program)
    files = covered(arguments.package, lcov)
    print("| file | lines | reached | % |\n|---|--:|--:|--:|")
    totals = []
    for source, lines in files.items():
        reached = sum(count > 0 for count in lines.values())
        totals.append((len(lines), reached))
        name = source.relative_to(ROOT / arguments.package / "src")
        print(f"| {name} | {len(lines)} | {reached} | {100 * reached / len(lines):.0f} |")
        if arguments.lines == str(name):
            missed = [number for number, count in lines.items() if not count]
            print(f"not reached: {', '.join(map(str, missed))}", file=sys.stderr)
    all_lines, reached = (sum(figures) for figures in zip(*totals, strict=True))
    percent = 100 * reached / all_lines
    print(f"| all | {all_lines} | {reached} | {percent:.1f} |")
    if arguments.least and percent < arguments.least:
        sys.exit(f"{percent:.1f} % is less than {arguments.least} %")


main()
