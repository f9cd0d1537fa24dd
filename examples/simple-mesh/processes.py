"""Running the programs of a small mesh on this machine's loopback, and ending them for certain."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

HOST = "127.0.0.1"
# How many seconds an Envoy that is to stop, or that another has taken over from, may finish in.
DRAIN_TIME = 2
# Whoever runs the demo may have settings of a mesh of their own; ours are the only ones that count.
FOREIGN_SETTINGS = ("NJ_", "ENVOY_", "DISCOVERY_MAP_", "DATA_STORE_", "SERVICE_", "TRIGGER_", "REFRESH_",
                    "FAILURE_", "EXIT_ON_", "DEBUG", "KEYS", "FORWARD_KEYS", "PATH_PREFIX")


class Failed(Exception):
    """Something did not happen as it should; `log` is where to look."""

    def __init__(self, what: str, log: Path | None = None):
        super().__init__(what)
        self.log = log


class Interrupts:
    """Ctrl-C and SIGTERM, which never fall between the start of a program and its noting down."""

    def __init__(self):
        self.held = False
        self.waiting = False

    def arrive(self, *_: object) -> None:
        """The signal handler."""
        if self.held:
            self.waiting = True
        else:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        self.held = True

    def __exit__(self, *_: object) -> None:
        self.held = False
        if self.waiting:
            self.waiting = False
            raise KeyboardInterrupt


INTERRUPTS = Interrupts()


class Process:
    """One program that runs, its log in a file."""

    def __init__(self, name: str, arguments: list[str], settings: dict[str, str], log: Path):
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            # In a session of its own: Ctrl-C reaches the demo alone, which then ends all in order.
            self.popen = subprocess.Popen(arguments, env=settings, stdin=subprocess.DEVNULL,
                                          stdout=output, stderr=output, start_new_session=True)

    def check(self) -> None:
        """Fails if the program has ended."""
        code = self.popen.poll()
        if code is not None:
            raise Failed(f"{self.name} ended by itself with exit code {code}", self.log)

    def session(self) -> list[int]:
        """The processes of this program's session, its children among them (Linux only)."""
        members = []
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                # After the name in parentheses: state, parent, group, session.
                fields = entry.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.popen.pid and fields[0] != "Z":
                members.append(int(entry.parent.name))
        return members


class Proxy:
    """A sidecar or gateway: where it listens, and where its files are."""

    def __init__(self, process: Process, port: int, admin: int, folder: Path):
        self.process = process
        self.port = port
        self.admin = admin
        self.folder = folder
        self.url = f"http://{HOST}:{port}"

    def envoy(self, path: str) -> str:
        """What Envoy's admin interface answers."""
        connection = http.client.HTTPConnection(HOST, self.admin, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def epoch(self) -> int:
        """How many times a new Envoy process has taken over from an old one."""
        return json.loads(self.envoy("/server_info"))["command_line_options"]["restart_epoch"]

    def requests_to(self, cluster: str) -> int:
        """How many requests Envoy has sent to a cluster."""
        lines = self.envoy(f"/stats?filter=^cluster.{cluster}.upstream_rq_total$").split()
        return int(lines[-1]) if lines else 0


class Mesh:
    """The services and proxies of one step, on free ports, with their files in one folder.

    Used in a `with` block, which ends them all however it is left.
    """

    def __init__(self, folder: Path, programs: Path, envoy: Path, base_id: int):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self.map = folder / "discovery-map.json"
        self.programs = programs
        self.envoy = envoy
        self.base_id = base_id
        self.ports: dict[str, int] = {}
        self.proxies: list[Proxy] = []
        self.services: list[Process] = []
        self.settings = {name: value for name, value in os.environ.items()
                         if not name.startswith(FOREIGN_SETTINGS)}
        self.settings["PATH"] = f"{programs}{os.pathsep}{self.settings.get('PATH', os.defpath)}"

    def port(self, name: str) -> int:
        """The port that stands for a name of the maps; a free one, chosen when first asked for."""
        if name not in self.ports:
            self.ports[name] = free_port(set(self.ports.values()))
        return self.ports[name]

    def save_map(self, source: Path) -> float:
        """Puts a copy of a map where the proxies read it, and says when.

        The maps say where services are as a network with names would: `stock-blue`, port 3000. Here
        everything is on one machine, so each name becomes a port of 127.0.0.1.
        """
        document = json.loads(source.read_text())
        for namespace in document["namespaces"]:
            places = list(namespace["gateways"]["instances"])
            for member in namespace["service-colors"]:
                places += member["instances"]
                for egress in member["namespace-egress"]:
                    name = f"{member['service']}-{member['color']} to {egress['namespace']}"
                    egress["interface"] = {"ipv4": HOST, "port": self.port(name)}
            for place in places:
                place["port"] = self.port(place.pop("hostname"))
                place["ipv4"] = HOST
        # Written beside and renamed, so that nobody ever reads half a map.
        beside = self.map.with_suffix(".new")
        beside.write_text(json.dumps(document, indent=2) + "\n")
        beside.replace(self.map)
        return time.monotonic()

    def service(self, name: str, color: str, keys: dict[str, str] | None = None,
                forwards: dict[str, str] | None = None) -> str:
        """Starts a sample service that answers below `/<name>`, and gives back its URL."""
        member = f"{name}-{color}"
        port = self.port(member)
        settings = {
            **self.settings,
            "SERVICE_NAME": name, "SERVICE_COLOR": color, "SERVICE_ADDRESS": HOST,
            "SERVICE_PORT": str(port), "PATH_PREFIX": f"/{name}",
            "KEYS": ",".join(keys or ()), "FORWARD_KEYS": ",".join(forwards or ()),
            **{f"{key.upper()}_VALUE": value for key, value in (keys or {}).items()},
            **{f"{key.upper()}_URL": url for key, url in (forwards or {}).items()},
        }
        with INTERRUPTS:
            process = Process(member, [str(self.programs / "sample-service")], settings,
                              self.folder / "logs" / f"{member}.log")
            self.services.append(process)
        self.wait_for(process, lambda: accepts(port), f"{member} to listen on port {port}")
        return f"http://{HOST}:{port}"

    def proxy(self, name: str, mode: str, settings: dict[str, str]) -> Proxy:
        """Starts Nightjar with an Envoy of its own; `ready` waits for it."""
        folder = self.folder / name
        port, admin = self.port(name), self.port(f"{name} admin")
        settings = {
            **self.settings,
            "DISCOVERY_MAP_EXEC": "ext-store-local --document=discovery-map --action=fetch",
            "NJ_DSLOCAL_FILE_DISCOVERY_MAP": str(self.map),
            "NJ_PROXY_MODE": mode,
            "NJ_LISTEN_ADDRESS": HOST, "NJ_LISTEN_PORT": str(port), "NJ_ADMIN_PORT": str(admin),
            "NJ_STATUS_PORT": str(self.port(f"{name} status")),
            "ENVOY_EXEC": str(self.envoy), "ENVOY_ARGS": "--concurrency 1",
            "ENVOY_LOG_LEVEL": "warning",
            # Envoys of one machine that hot-restart must be told apart by number.
            "ENVOY_BASE_ID": str(self.base_id + len(self.proxies)),
            "ENVOY_CONFIGURATION_DIR": str(folder), "ENVOY_DRAIN_TIME": str(DRAIN_TIME),
            "TRIGGER_STOP_FILE": str(self.folder / f"{name}.stop"),
            "REFRESH_TIME": "0.2", "FAILURE_SLEEP": "1",
            **settings,
        }
        with INTERRUPTS:
            process = Process(name, [str(self.programs / "nightjar-standalone")], settings,
                              self.folder / "logs" / f"{name}.log")
            proxy = Proxy(process, port, admin, folder)
            self.proxies.append(proxy)
        return proxy

    def gateway(self, namespace: str, **settings: str) -> Proxy:
        """Starts a namespace's gateway."""
        return self.proxy(f"{namespace}-gateway", "gateway", {"NJ_NAMESPACE": namespace, **settings})

    def sidecar(self, namespace: str, service: str, color: str) -> Proxy:
        """Starts the proxy beside a service."""
        return self.proxy(f"{service}-{color}-sidecar", "service", {
            "NJ_NAMESPACE": namespace, "NJ_SERVICE": service, "NJ_COLOR": color})

    def ready(self) -> None:
        """Waits until every proxy says that it is ready."""
        for proxy in self.proxies:
            name = proxy.process.name
            status = self.port(f"{name} status")
            self.wait_for(proxy.process, lambda status=status: answers_ready(status), f"{name} to be ready")

    def wait_for(self, process: Process, condition, what: str, seconds: float = 60) -> None:
        """Waits until a condition holds, and fails if it takes too long or a program ends."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise Failed(f"waited {seconds:.0f} s in vain for {what}", process.log)
            time.sleep(0.005)

    def check(self) -> None:
        """Fails if any program has ended."""
        for process in [*self.services, *(proxy.process for proxy in self.proxies)]:
            process.check()

    def __enter__(self) -> Mesh:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        """Ends everything: proxies first, so that they drain to services that still answer."""
        killed = []
        try:
            killed += end_all([proxy.process for proxy in self.proxies], seconds=10)
        finally:
            # Also when a second Ctrl-C cuts the first wait short.
            killed += end_all(self.services, seconds=3)
        if killed and kind is None:
            raise Failed("did not end when asked to, had to be killed: " + ", ".join(killed))


def end_all(processes: list[Process], seconds: float) -> list[str]:
    """Asks programs to stop, waits, kills what is left, and names whatever had to be killed."""
    for process in processes:
        if process.popen.poll() is None:
            process.popen.terminate()
    deadline = time.monotonic() + seconds
    killed = []
    try:
        while time.monotonic() < deadline and any(p.popen.poll() is None for p in processes):
            time.sleep(0.02)
    finally:
        for process in processes:
            left = process.session()
            if process.popen.poll() is None:
                left.append(process.popen.pid)
            if left:
                killed.append(process.name)
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.popen.wait()
    return killed


def free_port(taken: set[int]) -> int:
    """A port that nothing listens on, below those the system hands to outgoing connections."""
    for _ in range(1000):
        port = random.randint(10_000, 32_000)
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port
    raise Failed("found no free port between 10000 and 32000")


def accepts(port: int) -> bool:
    """Whether something takes connections on a port."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def answers_ready(port: int) -> bool:
    """Whether Nightjar's status port says ready."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
