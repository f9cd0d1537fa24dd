"""An ADS server, as small as can be: it pushes files that Nightjar made, when it is told to.

`ads.py PORT` reads commands, one a line, and says `done` after each:

  load NAME FOLDER   reads the clusters, listeners and routes in FOLDER as the state NAME
  hold NAME          takes a state for the one that Envoy gets when it connects
  push NAME          sends what is different in this state, and waits until Envoy has taken it

Each response holds all resources of its kind, as the state of the world. What a push sends was
made when the state was loaded: no time goes into that.
"""

import importlib
import json
import pathlib
import pkgutil
import queue
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from envoy.service.discovery.v3 import discovery_pb2 as discovery
from google.protobuf import any_pb2, json_format

CLUSTERS = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
LISTENERS = "type.googleapis.com/envoy.config.listener.v3.Listener"
ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
FILES = {CLUSTERS: "cds.json", LISTENERS: "lds.json", ROUTES: "rds-*.json"}

states, held = {}, {}
to_envoy, taken = queue.Queue(), queue.Queue()
sent = {}


def know_types(text):
    """Imports what a text names by `@type`."""
    for package in set(re.findall(r'"type\.googleapis\.com/([\w.]+)\.\w+"', text)):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")


def by_ads(thing):
    """Files that Envoy would watch come from this server instead."""
    if "path_config_source" in thing:
        return {"resource_api_version": "V3", "ads": {}}
    return thing


def load(folder):
    state = {}
    for kind, name in FILES.items():
        resources, names = [], set()
        for file in sorted(pathlib.Path(folder).glob(name)):
            text = file.read_text()
            know_types(text)
            for resource in json.loads(text, object_hook=by_ads)["resources"]:
                resources.append(json_format.ParseDict(resource, any_pb2.Any()))
                names.add(resource["name"])
        response = discovery.DiscoveryResponse(type_url=kind, resources=resources)
        state[kind] = (response.SerializeToString(deterministic=True), names)
    return state


def send(kind):
    """A response to Envoy; parts of a message may be put together from their bytes."""
    sent[kind] = nonce = str(int(sent.get(kind, 0)) + 1)
    numbered = discovery.DiscoveryResponse(version_info=nonce, nonce=nonce)
    to_envoy.put(held[kind][0] + numbered.SerializeToString())


def listen(requests):
    """Envoy asks for a kind, or says that it has taken a response or refuses it."""
    for request in requests:
        if request.HasField("error_detail"):
            print(f"Envoy refuses: {request.error_detail.message}", flush=True)
        elif not request.response_nonce:
            send(request.type_url)
        elif request.response_nonce == sent.get(request.type_url):
            taken.put((request.type_url, request.response_nonce))


def stream(requests, _context):
    threading.Thread(target=listen, args=(requests,), daemon=True).start()
    while True:
        yield to_envoy.get()


def push(state):
    """Clusters go before the routes to them, and only after the routes to them have gone."""
    grows = state[CLUSTERS][1] >= held[CLUSTERS][1]
    order = [CLUSTERS, LISTENERS, ROUTES] if grows else [ROUTES, LISTENERS, CLUSTERS]
    for kind in order:
        if state[kind][0] != held[kind][0]:
            held[kind] = state[kind]
            send(kind)
            while taken.get() != (kind, sent[kind]):
                pass


def main(port):
    server = grpc.server(ThreadPoolExecutor(4))
    method = grpc.stream_stream_rpc_method_handler(stream, discovery.DiscoveryRequest.FromString)
    service = "envoy.service.discovery.v3.AggregatedDiscoveryService"
    handler = grpc.method_handlers_generic_handler(service, {"StreamAggregatedResources": method})
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    for line in sys.stdin:
        match line.split():
            case ["load", name, folder]:
                states[name] = load(folder)
            case ["hold", name]:
                held.update(states[name])
            case ["push", name]:
                push(states[name])
        print("done", flush=True)
    server.stop(None)


main(sys.argv[1])
