"""Whether the files of a proxy fit together, at each moment at which Envoy could read them.

The cluster and listener files are looked at first and last. If neither was replaced meanwhile, every
route file was read while just these were in place, so what does not fit then is wrong for certain.
"""

from __future__ import annotations

import json
from pathlib import Path

# How often to look again when files are replaced meanwhile.
TRIES = 5
CLUSTERS, LISTENERS, BOOTSTRAP = "cds.json", "lds.json", "envoy-config.yaml"


def fault(folder: Path) -> str | None:
    """What is wrong with the files; `None` if nothing is, or if they change too quickly to tell."""
    for _ in range(TRIES):
        before = stamps(folder)
        found = inspect(folder)
        if stamps(folder) == before:
            return found
    return None


def stamps(folder: Path) -> list[tuple | None]:
    """What changes when one of the files that name others, or are named, is replaced."""
    found: list[tuple | None] = []
    for name in (CLUSTERS, LISTENERS, BOOTSTRAP):
        try:
            status = (folder / name).stat()
            found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        except OSError:
            found.append(None)
    return found


def inspect(folder: Path) -> str | None:
    try:
        bootstrap = (folder / BOOTSTRAP).read_text()
        if "dynamic_resources:" not in bootstrap or not bootstrap.endswith("\n"):
            return f"{BOOTSTRAP} is not whole"
        clusters = {cluster["name"] for cluster in resources(folder / CLUSTERS)}
        for listener in resources(folder / LISTENERS):
            name = route_file(listener)
            unknown = named_clusters(resources(folder / name)) - clusters
            if unknown:
                return f"{name} names clusters that {CLUSTERS} does not have: {', '.join(sorted(unknown))}"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, LookupError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def resources(file: Path) -> list[dict]:
    try:
        return json.loads(file.read_text())["resources"]
    except ValueError as error:
        raise ValueError(f"{file.name} is not JSON: {error}") from None


def route_file(listener: dict) -> str:
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return Path(manager["rds"]["config_source"]["path_config_source"]["path"]).name


def named_clusters(configurations: list[dict]) -> set[str]:
    """The clusters to which route configurations lead."""
    found = set()
    for configuration in configurations:
        for host in configuration["virtual_hosts"]:
            for route in host["routes"]:
                action = route.get("route", {})
                if "cluster" in action:
                    found.add(action["cluster"])
                found |= {share["name"] for share in action.get("weighted_clusters", {}).get("clusters", [])}
    return found
