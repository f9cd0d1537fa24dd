#!/usr/bin/env python3
"""A discovery map from a catalog: one JSON document behind a URL, which lists the services.

    DISCOVERY_MAP_EXEC=/path/to/discovery-catalog.py
    MESH_CATALOG=http://catalog.example/services.json      or file:///path/to/services.json
    MESH_NAMESPACE=default
"""

import argparse
import hashlib
import http.client
import ipaddress
import json
import os
import pathlib
import signal
import sys
import time
import urllib.error
import urllib.request

DONE, UNCHANGED, RETRY, FATAL, USAGE = 0, 30, 31, 1, 64
MEMBERS = {"service": str, "color": str, "port": int, "path": str, "weight": int, "hosts": list}


class Failure(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def arguments():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("api-version", "action-file", "previous-document-version"):
        parser.add_argument(f"--{name}", default="")
    # Arguments that this program does not know are ignored: a later version may pass more.
    given, _ = parser.parse_known_args()
    if given.api_version != "1":
        raise Failure(USAGE, f"I speak api version 1, and was called with {given.api_version!r}")
    if not given.action_file:
        raise Failure(USAGE, "argument --action-file is missing")
    return given


def late(*_):
    raise TimeoutError("no whole answer before NJ_DEADLINE")


def catalog(url):
    left = float(os.environ.get("NJ_DEADLINE") or time.time() + 30) - time.time()
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, max(left - 1, 0.1))  # a second to say so
    try:
        with urllib.request.urlopen(url) as answer:
            text = answer.read()
    # No message has the URL, which may hold a key.
    except urllib.error.HTTPError as error:  # 403 and 404 are for a person, 503 passes
        may_pass = error.code >= 500 or error.code in (408, 429)
        raise Failure(RETRY if may_pass else FATAL, f"the catalog: {error}") from error
    except (ValueError, http.client.InvalidURL) as error:
        raise Failure(USAGE, "MESH_CATALOG is not a URL") from error
    except (OSError, http.client.HTTPException) as error:
        raise Failure(RETRY, f"the catalog: {error}") from error
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failure(FATAL, f"the catalog is not JSON: {error}") from error


def address(host):
    try:
        return {f"ipv{ipaddress.ip_address(str(host)).version}": host}
    except ValueError:
        return {"hostname": host}


def service_color(entry):
    types = {name: type(value) for name, value in entry.items()} if isinstance(entry, dict) else None
    if types != MEMBERS:  # also a misspelled member, which would be a setting that is not heeded
        needed = ", ".join(f"{name} ({kind.__name__})" for name, kind in MEMBERS.items())
        raise Failure(FATAL, f"{json.dumps(entry)} is not a service, which has exactly {needed}")
    port, hosts = entry["port"], sorted(entry["hosts"])
    route = {"path-match": {"match-type": "prefix", "value": entry["path"]}, "weight": entry["weight"],
             "default-access": True, "namespace-access": []}
    return {"service": entry["service"], "color": entry["color"], "index": port, "namespace-egress": [],
            "instances": [{**address(host), "port": port} for host in hosts], "routes": [route]}


def discovery_map(document):
    if not isinstance(document, dict) or not isinstance(document.get("services"), list):
        raise Failure(FATAL, "the catalog has no list of services")  # which is not an empty list
    # Sorted: a catalog that lists the same services in another order has not changed.
    entries = sorted(map(service_color, document["services"]), key=json.dumps)
    name = os.environ.get("MESH_NAMESPACE", "default")
    return {"schema-version": "v1", "namespaces": [{"namespace": name, "network-id": name,
            "gateways": {"instances": []}, "service-colors": entries}]}


def hand_over(document, path):
    part = f"{path}.part"
    try:
        with open(part, "w", encoding="utf-8") as file:
            json.dump(document, file)
        os.replace(part, path)  # so that the file is there whole, or not at all
    except OSError:
        pathlib.Path(part).unlink(missing_ok=True)
        raise


def main():
    given = arguments()
    url = os.environ.get("MESH_CATALOG")
    if not url:
        raise Failure(USAGE, "MESH_CATALOG is not set")
    document = discovery_map(catalog(url))
    content = json.dumps(document, sort_keys=True).encode()
    document["document-version"] = hashlib.sha256(content).hexdigest()[:32]
    if document["document-version"] == given.previous_document_version:
        return UNCHANGED
    hand_over(document, given.action_file)
    return DONE


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"discovery-catalog: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except (OSError, ValueError, TypeError) as error:
        print(f"discovery-catalog: {error}", file=sys.stderr)
        sys.exit(FATAL)
