#!/usr/bin/env python3
"""Holds the dependencies to deny.toml, as far as that needs no database of advisories: licences, bans and sources.

    dependencies.py

`make lint` runs it: it takes a second, where building cargo-deny takes minutes. `make deny` runs cargo-deny, which
reads the same file and knows advisories too. A line of deny.toml that is not understood here is an error.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

try:
    import tomllib
except ImportError:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
# What deny.toml may say. Of the values that are not lists or tables, what each is to be.
KNOWN = {
    "graph": {"targets": list},
    "licenses": {
        "allow": list,
        "private": {"ignore": True},
        "confidence-threshold": float,
        "unused-allowed-license": "allow",
    },
    "bans": {"deny": list, "wildcards": "deny", "allow-wildcard-paths": True, "multiple-versions": "warn"},
    "sources": {"unknown-registry": "deny", "unknown-git": "deny", "allow-registry": list},
    # Left to cargo-deny.
    "advisories": dict,
}


def unknown(said: dict, known: dict, path: str = "") -> list[str]:
    """What deny.toml says that is not understood here.

    >>> unknown({"bans": {"wildcards": "deny", "multiple-versions": "deny", "skip": []}}, KNOWN)
    ['deny.toml: bans.multiple-versions is not understood', 'deny.toml: bans.skip is not understood']
    """
    found = []
    for key, value in said.items():
        expected = known.get(key)
        if isinstance(expected, dict) and isinstance(value, dict):
            found += unknown(value, expected, f"{path}{key}.")
        elif not (isinstance(value, expected) if isinstance(expected, type) else value == expected):
            found.append(f"deny.toml: {path}{key} is not understood")
    return found


def is_allowed(licence: str | None, allowed: list[str]) -> bool:
    """Whether one may choose licences out of an SPDX expression so that each is allowed.

    >>> is_allowed("(MIT OR GPL-3.0-only) AND Unicode-3.0", ["MIT", "Unicode-3.0"])
    True
    >>> is_allowed("MIT AND GPL-3.0-only", ["MIT"])
    False
    >>> is_allowed("Apache-2.0 WITH LLVM-exception", ["Apache-2.0"])
    False
    >>> is_allowed("GPL-3.0-only/MIT", ["MIT"])
    True
    >>> is_allowed(None, ["MIT"])
    False
    """
    words = re.findall(r"[()]|[^\s()]+(?: WITH \S+)?", (licence or "").replace("/", " OR "))

    def single() -> bool:
        word = words.pop(0) if words else ""
        if word != "(":
            return word in allowed
        value = either()
        words.pop(0)
        return value

    def both() -> bool:
        value = single()
        while words and words[0] == "AND":
            words.pop(0)
            value = single() and value
        return value

    def either() -> bool:
        value = both()
        while words and words[0] == "OR":
            words.pop(0)
            value = both() or value
        return value

    return either()


def is_banned(package: dict, ban: dict) -> bool:
    """Whether a ban means a package. It names versions below one, or all.

    >>> hyper = {"name": "hyper", "version": "0.14.30"}
    >>> [is_banned(hyper, {"name": "hyper", **more}) for more in ({"version": "<1"}, {"version": "<0.14"}, {})]
    [True, False, True]
    >>> is_banned({"name": "hyper-util", "version": "0.1.9"}, {"name": "hyper"})
    False
    """
    if package["name"] != ban["name"]:
        return False
    if "version" not in ban:
        return True
    below = re.fullmatch(r"<(\d+(?:\.\d+)*)", ban["version"])
    if below is None:
        sys.exit(f"deny.toml: {ban['name']}: the version {ban['version']!r} is not understood")
    numbers = [int(number) for number in re.match(r"\d+(?:\.\d+)*", package["version"])[0].split(".")]
    return numbers < [int(number) for number in below[1].split(".")]


def violations(package: dict, rules: dict) -> list[str]:
    """What of a package the rules do not allow.

    >>> rules = {"licenses": {"allow": ["MIT"]}, "bans": {"deny": [{"name": "openssl"}]},
    ...          "sources": {"allow-registry": ["https://example.com/index"]}}
    >>> package = {"name": "a", "version": "1.0.0", "license": "MIT", "publish": None, "dependencies": [],
    ...            "source": "registry+https://example.com/index"}
    >>> violations(package, rules)
    []
    >>> violations({**package, "license": "GPL-3.0-only"}, rules)
    ["the licence 'GPL-3.0-only' is not allowed"]
    >>> violations({**package, "name": "openssl"}, rules)
    ['it is banned']
    >>> violations({**package, "source": "git+https://example.com/a"}, rules)
    ['the source git+https://example.com/a is not allowed']
    >>> own = {**package, "source": None, "license": None, "publish": []}
    >>> violations({**own, "dependencies": [{"name": "b", "req": "*", "path": "/b"}]}, rules)
    []
    >>> violations({**own, "dependencies": [{"name": "b", "req": "*"}]}, rules)
    ['it takes any version of b']
    """
    found = []
    is_private = package["publish"] == []
    if not is_private and not is_allowed(package["license"], rules["licenses"]["allow"]):
        found.append(f"the licence {package['license']!r} is not allowed")
    if any(is_banned(package, ban) for ban in rules["bans"]["deny"]):
        found.append("it is banned")
    if package["source"] is not None:
        kind, _, address = package["source"].partition("+")
        if kind not in ("registry", "sparse") or address not in rules["sources"]["allow-registry"]:
            found.append(f"the source {package['source']} is not allowed")
    else:
        # Others' manifests are what they are.
        wild = [one for one in package["dependencies"] if one["req"] == "*" and not ("path" in one and is_private)]
        found += [f"it takes any version of {one['name']}" for one in wild]
    return found


def packages(targets: list[str]) -> list[dict]:
    """Every package that is built for one of these targets, from Cargo.lock."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    for target in targets:
        command += ["--filter-platform", target]
    asked = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return json.loads(asked.stdout)["packages"]


def main() -> int:
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    found = unknown(rules, KNOWN)
    every = [] if found else packages(rules["graph"]["targets"])
    for package in every:
        found += [f"{package['name']} {package['version']}: {one}" for one in violations(package, rules)]
    print("\n".join(found) or f"dependencies: {len(every)} packages are as deny.toml wants them")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
