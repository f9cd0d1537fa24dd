#!/usr/bin/env python3
"""What one changed endpoint costs Envoy, as JSON and as YAML.

    e2e/measure-formats.py [CLUSTERS [ENDPOINTS]]      default: 2000 clusters of 10 endpoints

Starts the Envoy in .venv with one cluster file, replaces that file, waits until Envoy has taken it,
and prints Envoy's CPU time for the update and the memory that it holds then.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENVOY = Path(__file__).resolve().parent.parent / ".venv/bin/envoy"
TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def cluster_file(version, clusters, endpoints, is_json):
    def endpoint(cluster, number):
        address = f"10.{cluster >> 8}.{cluster & 255}.{number}"
        if (version, cluster, number) == (2, 0, 0):
            address = "10.255.255.255"
        return {"endpoint": {"address": {"socket_address": {"address": address, "port_value": 80}}}}

    resources = [{
        "@type": TYPE, "name": f"c{cluster}", "type": "STATIC", "connect_timeout": "2s",
        "load_assignment": {"cluster_name": f"c{cluster}", "endpoints": [
            {"lb_endpoints": [endpoint(cluster, number) for number in range(endpoints)]}]},
    } for cluster in range(clusters)]
    document = {"version_info": str(version), "resources": resources}
    return json.dumps(document, indent=2) if is_json else yaml(document)


def yaml(value, indent=""):
    """Block style, as people write it."""
    if isinstance(value, dict):
        inner = indent + "  "
        return "".join(f"{indent}{json.dumps(key)}:" + (
            f"\n{yaml(item, inner)}" if isinstance(item, (dict, list)) else f" {json.dumps(item)}\n")
            for key, item in value.items())
    return "".join(f"{indent}- {yaml(item, indent + '  ').lstrip()}" for item in value)


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def wait_for_version(port, version):
    wanted = f'cluster_manager.cds.version_text: "{version}"'
    for _ in range(3000):
        try:
            if wanted in ask(port, "/stats?type=TextReadouts"):
                return
        except OSError:
            pass
        time.sleep(0.02)
    sys.exit("Envoy has not taken the file")


def cpu_seconds(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(name, clusters, endpoints):
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        path = Path(folder, f"cds.{name}")
        bootstrap = Path(folder, "envoy.json")
        bootstrap.write_text(json.dumps({
            "node": {"id": "n", "cluster": "c"},
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}},
            "dynamic_resources": {"cds_config": {
                "resource_api_version": "V3", "path_config_source": {"path": str(path)}}},
        }))
        texts = [cluster_file(version, clusters, endpoints, name == "json") for version in (1, 2)]
        path.write_text(texts[0])
        process = subprocess.Popen([ENVOY, "-c", bootstrap, "--disable-hot-restart", "-l", "off",
                                    "--concurrency", "1"])
        try:
            wait_for_version(port, 1)
            time.sleep(1)
            before = cpu_seconds(process)
            beside = path.with_suffix(".new")
            beside.write_text(texts[1])
            beside.replace(path)
            wait_for_version(port, 2)
            update = cpu_seconds(process) - before
            status = Path(f"/proc/{process.pid}/status").read_text()
            memory = int(status.split("VmRSS:")[1].split()[0]) // 1024
        finally:
            process.kill()
            process.wait()
    print(f"{name}: {len(texts[0]) / 1e6:.1f} MB file, {update:.2f} s of CPU for the update, "
          f"{memory} MB resident", flush=True)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    for kind in ("json", "yaml"):
        measure(kind, *(given + [2000, 10][len(given):]))
