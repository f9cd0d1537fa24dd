"""The mesh of a campaign: who is in it, and what its discovery map says at each moment."""

from __future__ import annotations

import math
from dataclasses import dataclass

HOST = "127.0.0.1"
NAMESPACES = ("store", "bank")
COLORS = ("blue", "green")
# Backends of each service-color, of which the map names some.
POOL = 2


@dataclass(frozen=True)
class Proxy:
    """Who a proxy is: a gateway has no service and no color."""

    name: str
    namespace: str
    service: str | None
    color: str | None
    # Whether it reads the mesh itself, not what the centrals publish.
    standalone: bool

    @property
    def scope(self) -> str:
        """What its templates are chosen by: all gateways of a namespace share theirs."""
        return f"{self.namespace}-gateways" if self.service is None else self.name


class Topology:
    """The proxies and services: half of them in each namespace, a fifth of the proxies gateways."""

    def __init__(self, count: int):
        self.proxies: list[Proxy] = []
        self.services: dict[str, list[str]] = {}
        for place, namespace in enumerate(NAMESPACES):
            share = count // 2 + (count % 2 if place == 0 else 0)
            gateways = max(1, share // 5)
            sidecars = share - gateways
            services = [f"{namespace}{number}" for number in range(max(1, math.ceil(sidecars / 2)))]
            self.services[namespace] = services
            members = [(service, color) for service in services for color in COLORS][:sidecars]
            for number in range(gateways):
                self.add(f"{namespace}-gateway{number}", namespace, None, None)
            for service, color in members:
                self.add(f"{service}-{color}", namespace, service, color)

    def add(self, name: str, namespace: str, service: str | None, color: str | None) -> None:
        """One more proxy; every fourth finds the mesh by itself."""
        self.proxies.append(Proxy(name, namespace, service, color, len(self.proxies) % 4 == 3))

    @property
    def sidecars(self) -> list[Proxy]:
        return [proxy for proxy in self.proxies if proxy.service is not None]

    @property
    def members(self) -> list[tuple[str, str]]:
        """Every service-color, with a sidecar or without."""
        return [(service, color) for services in self.services.values() for service in services
                for color in COLORS]


class State:
    """The part of the map that changes. Operations set values, and never add to what is there."""

    def __init__(self, topology: Topology):
        self.active = {member: frozenset(range(POOL)) for member in topology.members}
        self.weight = dict.fromkeys(topology.members, 1)
        self.extra = {service: False for service, _ in topology.members}
        self.egress = {proxy.name: True for proxy in topology.sidecars}

    def apply(self, operations: list[tuple]) -> None:
        """Carries out operations: which value, of what, and what it becomes."""
        for value, key, new in operations:
            getattr(self, value)[key] = new

    def serves(self, service: str) -> bool:
        """Whether somebody gets a share of its requests."""
        return bool(self.sharers(service))

    def sharers(self, service: str) -> set[str]:
        """The colors that get a share of a service's requests."""
        return {color for color in COLORS if self.active[service, color] and self.weight[service, color] > 0}


def route(kind: str, path: str, weight: int) -> dict:
    return {"path-match": {"match-type": kind, "value": path}, "weight": weight,
            "default-access": True, "namespace-access": []}


def service_color(service: str, color: str, instances: list[dict], routes: list[dict],
                  egress: list[dict]) -> dict:
    return {"service": service, "color": color, "index": 3000, "protocol": "HTTP1.1", "instances": instances,
            "routes": routes, "namespace-egress": egress}


class Maps:
    """Makes discovery maps of states, with this run's ports."""

    def __init__(self, topology: Topology, backends: dict[tuple[str, str, int], int], egress: dict[str, int]):
        self.topology = topology
        self.backends = backends
        self.egress = egress

    def document(self, state: State, generation: int, beacon: tuple[str, int]) -> dict:
        """A map whose `beacon` service leads to an address of this generation alone."""
        namespaces = []
        for namespace, services in self.topology.services.items():
            place = {"ipv4": beacon[0], "port": beacon[1]}
            members = [service_color("beacon", "only", [place], [route("prefix", "/beacon/", 1)], [])]
            members += [self.member(state, namespace, service, color) for service in services for color in COLORS]
            namespaces.append({
                "namespace": namespace, "network-id": namespace,
                "gateways": {"prefer-gateway": False, "protocol": "HTTP1.1", "instances": []},
                "service-colors": members})
        return {"schema-version": "v1", "document-version": str(generation), "namespaces": namespaces}

    def member(self, state: State, namespace: str, service: str, color: str) -> dict:
        weight = state.weight[service, color]
        routes = [route("prefix", f"/{service}/", weight)]
        if state.extra[service]:
            routes.append(route("exact", f"/{service}/echo", weight))
        instances = [{"ipv4": HOST, "port": self.backends[service, color, number]}
                     for number in sorted(state.active[service, color])]
        name = f"{service}-{color}"
        other = next(other for other in NAMESPACES if other != namespace)
        egress = [{"namespace": other, "interface": {"ipv4": HOST, "port": self.egress[name]}}] \
            if state.egress.get(name) else []
        return service_color(service, color, instances, routes, egress)
