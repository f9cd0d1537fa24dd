"""The templates of the mesh: the shipped ones, and for some proxies others, good or broken."""

from __future__ import annotations

import json
from pathlib import Path

from .mesh import Topology

SHIPPED = Path(__file__).resolve().parents[3] / "nightjar-core/templates"
BOOTSTRAP = "envoy-config.yaml"
# How a template is broken: which one, a part of it, and what stands there instead.
BREAKS = {
    "syntax": ("cds.json", "{{#clusters}}", "{{#clusters}}{{#open}}"),
    "json": ("cds.json", '"resources": [', '"resources": '),
    "cluster": ("cds.json", '"type": "STATIC"', '"type": "NO_SUCH_TYPE"'),
    "listener": ("lds.json", '"stat_prefix": "{{name}}",', '"no_such_field": 1,'),
}


class Templates:
    """What the store holds, scope by scope, committed after each change."""

    def __init__(self, topology: Topology, file: Path, commit):
        self.file = file
        self.commit_file = commit
        self.scopes = {proxy.scope: proxy for proxy in topology.proxies}
        self.shipped = {file.name.removesuffix(".mustache"): file.read_text() for file in SHIPPED.iterdir()}
        self.marks: dict[str, int] = {}
        self.broken: dict[str, str] = {}

    def commit(self) -> None:
        """Puts the templates as they are now into the store."""
        document = {"schema-version": "v1", "document-version": "",
                    "gateway-templates": [], "service-templates": []}
        default = {"namespace": None, "service": None, "color": None}
        for purpose, text in self.shipped.items():
            template = {"purpose": purpose, "template": text}
            document["gateway-templates"].append({"namespace": None, **template})
            document["service-templates"].append({**default, **template})
        for scope in self.scopes:
            for template in self.special(scope):
                self.add(document, scope, template)
        unfinished = self.file.with_suffix(".commit")
        unfinished.write_text(json.dumps(document))
        self.commit_file(unfinished)

    def add(self, document: dict, scope: str, template: dict) -> None:
        proxy = self.scopes[scope]
        if proxy.service is None:
            document["gateway-templates"].append({"namespace": proxy.namespace, **template})
        else:
            document["service-templates"].append({"namespace": proxy.namespace, "service": proxy.service,
                                                  "color": proxy.color, **template})

    def special(self, scope: str) -> list[dict]:
        """The templates that this scope alone has."""
        found = []
        if scope in self.marks:
            text = f"{self.shipped[BOOTSTRAP]}\n# mark {self.marks[scope]}\n"
            found.append({"purpose": BOOTSTRAP, "template": text})
        if scope in self.broken:
            purpose, part, instead = BREAKS[self.broken[scope]]
            if part not in self.shipped[purpose]:
                raise ValueError(f"the shipped {purpose} has no {part}")
            found.append({"purpose": purpose, "template": self.shipped[purpose].replace(part, instead)})
        return found

    def mark(self, scope: str) -> None:
        """Changes the bootstrap of a scope."""
        self.marks[scope] = self.marks.get(scope, 0) + 1
        self.commit()

    def break_one(self, scope: str, how: str) -> None:
        self.broken[scope] = how
        self.commit()

    def mend(self, scope: str) -> None:
        self.broken.pop(scope, None)
        self.commit()
