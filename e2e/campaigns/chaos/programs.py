"""The programs of a campaign with their settings: backends, centrals, proxies, and their stores."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from . import mesh, processes
from .mesh import HOST, POOL, Topology
from .plan import CENTRALS
from .processes import Process
from .templates import Templates

HERE = Path(__file__).resolve().parent
# Whoever runs this may have settings of a mesh of their own; ours are the only ones that count.
FOREIGN_SETTINGS = ("NJ_", "ENVOY_", "DISCOVERY_MAP_", "DATA_STORE_", "SERVICE_", "TRIGGER_", "REFRESH_",
                    "FAILURE_", "EXIT_ON_", "DEBUG", "KEYS", "FORWARD_KEYS", "PATH_PREFIX")
# Seconds that an Envoy which is replaced or told to stop goes on serving.
DRAIN_TIME = 2


class Node:
    """A running proxy: nightjar-standalone with its Envoy."""

    def __init__(self, spec: mesh.Proxy, ports: processes.Ports, folder: Path):
        self.spec = spec
        self.name = spec.name
        self.port, self.admin, self.status = ports.free(), ports.free(), ports.free()
        self.egress = ports.free() if spec.service is not None else None
        self.folder = folder / "envoy" / spec.name
        self.process: Process | None = None
        # Whether a fault keeps its egress listener away.
        self.egress_off = False

    def envoys(self) -> list[int]:
        """The process ids of its Envoys, oldest first."""
        return processes.envoys(self.process, self.folder)


class Central:
    """A running nightjar-central."""

    def __init__(self, name: str, ports: processes.Ports):
        self.name = name
        self.status = ports.free()
        self.process: Process | None = None


class Programs:
    """Everything that runs, with its files in one folder."""

    def __init__(self, topology: Topology, folder: Path, programs: Path, envoy: Path):
        self.topology = topology
        self.folder = folder
        self.programs = programs
        self.envoy = envoy
        self.refresh = 0.5 if len(topology.proxies) <= 8 else 1.0
        ports = processes.Ports()
        self.backend_ports = {(service, color, number): ports.free()
                              for service, color in topology.members for number in range(POOL)}
        self.beacon_port = ports.free()
        self.nodes = {spec.name: Node(spec, ports, folder) for spec in topology.proxies}
        self.centrals = {name: Central(name, ports) for name in CENTRALS}
        self.backends: dict[tuple[str, str, int], Process] = {}
        # The mesh as it is, and what the centrals publish of it.
        self.truth, self.published = folder / "mesh.json", folder / "published.json"
        self.templates = Templates(topology, folder / "templates.json", self.commit_templates)
        self.settings = {name: value for name, value in os.environ.items()
                         if not name.startswith(FOREIGN_SETTINGS)}
        self.settings["PATH"] = f"{programs}{os.pathsep}{self.settings.get('PATH', os.defpath)}"
        for place in ("logs", "control", "bad"):
            (folder / place).mkdir(parents=True)
        self.write_bad_documents()

    def write_bad_documents(self) -> None:
        """What extensions hand over when they are told to misbehave."""
        empty = {"schema-version": "v1", "document-version": "empty", "namespaces": []}
        for namespace, services in self.topology.services.items():
            members = [mesh.service_color(service, color, [], [], []) for service in services
                       for color in mesh.COLORS]
            empty["namespaces"].append({"namespace": namespace, "network-id": namespace,
                                        "gateways": {"instances": []}, "service-colors": members})
        documents = {
            "garbage": "\x00 no JSON",
            "truncated": '{"schema-version": "v1", "document-version": "1", "namespaces": [{',
            "invalid": json.dumps({**empty, "namespaces": "none"}), "empty": json.dumps(empty)}
        for name, text in documents.items():
            (self.folder / "bad" / name).write_text(text)

    def control(self, name: str, document: str, mode: str) -> None:
        """Tells an extension of a program what to do from now on."""
        file = self.folder / "control" / f"{name}.{document}"
        beside = file.with_suffix(".new")
        beside.write_text(mode + "\n")
        beside.replace(file)

    def extension(self, name: str, document: str, command: str) -> str:
        """The command line of an extension that can be told to misbehave."""
        self.control(name, document, "work")
        return f"{HERE / 'extension.sh'} {self.folder / 'control' / f'{name}.{document}'} " \
               f"{self.folder / 'bad'} {command}"

    def process(self, name: str, program: str, settings: dict[str, str]) -> Process:
        return Process(name, [str(self.programs / program)], {**self.settings, **settings},
                       self.folder / "logs" / f"{name}.log")

    def start_backends(self) -> None:
        """Starts every backend."""
        for (service, color, number), port in self.backend_ports.items():
            process = self.process(f"{service}-{color}-{number}", "sample-service", {
                "SERVICE_NAME": service, "SERVICE_COLOR": color, "SERVICE_ADDRESS": HOST,
                "SERVICE_PORT": str(port), "PATH_PREFIX": f"/{service}"})
            self.backends[service, color, number] = process
            process.start()

    def start_centrals(self) -> None:
        fetch = "ext-store-local --document=discovery-map --action=fetch"
        truth = f"env NJ_DSLOCAL_FILE_DISCOVERY_MAP={self.truth} {fetch}"
        for name, central in self.centrals.items():
            central.process = self.process(name, "nightjar-central", {
                **self.pauses(),
                "DISCOVERY_MAP_EXEC": self.extension(name, "discovery", truth),
                "DATA_STORE_EXEC": self.extension(name, "store", "ext-store-local"),
                "NJ_DSLOCAL_FILE_DISCOVERY_MAP": str(self.published),
                "NJ_STATUS_PORT": str(central.status),
                "TRIGGER_STOP_FILE": str(self.folder / f"{name}.stop")})
            central.process.start()

    def pauses(self) -> dict[str, str]:
        # An empty map is not believed for longer than any fault lasts.
        return {"REFRESH_TIME": str(self.refresh), "FAILURE_SLEEP": "2", "NJ_EXTENSION_TIMEOUT": "3",
                "NJ_EMPTY_MAP_GRACE": "1000"}

    def start_node(self, node: Node) -> None:
        spec = node.spec
        map_file = self.truth if spec.standalone else self.published
        identity = {"NJ_PROXY_MODE": "gateway"} if spec.service is None else \
            {"NJ_SERVICE": spec.service, "NJ_COLOR": spec.color}
        fetch = "ext-store-local --document=discovery-map --action=fetch"
        node.process = self.process(node.name, "nightjar-standalone", {
            **self.pauses(), **identity, "NJ_NAMESPACE": spec.namespace,
            "DISCOVERY_MAP_EXEC": self.extension(node.name, "discovery", fetch),
            "DATA_STORE_EXEC": self.extension(node.name, "templates", "ext-store-local"),
            "NJ_DSLOCAL_FILE_DISCOVERY_MAP": str(map_file),
            "NJ_DSLOCAL_FILE_TEMPLATES": str(self.templates.file),
            "NJ_LISTEN_ADDRESS": HOST, "NJ_LISTEN_PORT": str(node.port), "NJ_ADMIN_PORT": str(node.admin),
            "NJ_STATUS_PORT": str(node.status), "ENVOY_EXEC": str(self.envoy),
            "ENVOY_ARGS": "--concurrency 1", "ENVOY_LOG_LEVEL": "warning", "ENVOY_BASE_ID": str(node.port),
            "ENVOY_CONFIGURATION_DIR": str(node.folder), "ENVOY_DRAIN_TIME": str(DRAIN_TIME),
            "ENVOY_KILL_WAIT_TIME": "5", "ENVOY_UPDATE_TIMEOUT": "5",
            "TRIGGER_STOP_FILE": str(self.folder / f"{node.name}.stop")})
        node.process.start()

    def commit_templates(self, document: Path) -> None:
        """Commits templates as an operator would, faulty ones too."""
        arguments = [str(self.programs / "ext-store-local"), "--api-version=1", "--action=commit",
                     "--document=templates", f"--action-file={document}"]
        settings = {**self.settings, "NJ_DSLOCAL_FILE_TEMPLATES": str(self.templates.file),
                    "NJ_STORE_ACCEPT_INVALID": "true"}
        subprocess.run(arguments, env=settings, check=True, capture_output=True)

    def daemons(self) -> list[Process]:
        """Every Nightjar program that has been started."""
        owners = [*self.nodes.values(), *self.centrals.values()]
        return [owner.process for owner in owners if owner.process is not None]

    def end(self) -> list[str]:
        """Ends everything, proxies first; names what had to be killed."""
        killed = []
        try:
            killed += processes.end_all(self.daemons(), seconds=15)
        finally:
            # Also when a second Ctrl-C cuts the first wait short.
            killed += processes.end_all(list(self.backends.values()), seconds=3)
        return killed


def write(file: Path, document: dict) -> None:
    """Replaces a document as a whole."""
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(document))
    beside.replace(file)


def generation(file: Path) -> int:
    """Which generation a map is of, by the beacon's address in it; 0 if it cannot be read."""
    try:
        members = json.loads(file.read_text())["namespaces"][0]["service-colors"]
        parts = members[0]["instances"][0]["ipv4"].split(".")
    except (OSError, ValueError, LookupError):
        return 0
    return int(parts[2]) * 250 + int(parts[3]) - 1

