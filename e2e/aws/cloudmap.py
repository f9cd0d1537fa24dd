"""What moto does otherwise than Cloud Map: pages, filters, limits, counts, and revisions.

Importing this changes moto for the whole process.
"""

import json

from moto.servicediscovery.exceptions import InvalidInput
from moto.servicediscovery.models import ServiceDiscoveryBackend
from moto.servicediscovery.responses import ServiceDiscoveryResponse

# What one answer holds: of a list, and of instances (if nothing is said, and at the most).
PAGE = 100
INSTANCES = 100
MOST_INSTANCES = 1000


def asked(response):
    return json.loads(response.body)


def page_of(parameters, items):
    size = parameters.get("MaxResults", PAGE)
    if not 1 <= size <= PAGE:
        raise InvalidInput(f"MaxResults must be between 1 and {PAGE}.")
    begin = int(parameters.get("NextToken") or 0)
    end = begin + size
    return items[begin:end], {"NextToken": str(end)} if end < len(items) else {}


def list_namespaces(response):
    namespaces, token = page_of(asked(response), list(response.servicediscovery_backend.list_namespaces()))
    return 200, {}, json.dumps({"Namespaces": [one.to_json() for one in namespaces], **token})


def list_services(response):
    parameters = asked(response)
    services = list(response.servicediscovery_backend.list_services())
    for condition in parameters.get("Filters", []):
        if condition["Name"] == "NAMESPACE_ID":
            wanted = {value.rsplit("/", 1)[-1] for value in condition["Values"]}
            services = [one for one in services if one.namespace_id in wanted]
    services, token = page_of(parameters, services)
    summaries = []
    for one in services:
        summary = {name: value for name, value in one.to_json().items() if name != "NamespaceId"}
        summaries.append({**summary, "InstanceCount": len(one.instances)})
    return json.dumps({"Services": summaries, **token})


def get_service(backend, service_id, inner=ServiceDiscoveryBackend.get_service):
    """An ARN will do as well."""
    return inner(backend, service_id.rsplit("/", 1)[-1])


def service_of(backend, parameters):
    """The service that a call for instances names, found as moto finds it."""
    backend.discover_instances(parameters["NamespaceName"], parameters["ServiceName"])
    [namespace] = [one for one in backend.list_namespaces() if one.name == parameters["NamespaceName"]]
    [service] = [
        one
        for one in backend.list_services()
        if one.name == parameters["ServiceName"] and one.namespace_id == namespace.id
    ]
    return service


def revision_of(service):
    """It grows whenever an instance comes or goes."""
    return sum(service.instances_revision.values())


def discover_instances(response):
    parameters = asked(response)
    limit = parameters.get("MaxResults", INSTANCES)
    if not 1 <= limit <= MOST_INSTANCES:
        raise InvalidInput(f"MaxResults must be between 1 and {MOST_INSTANCES}.")
    service = service_of(response.servicediscovery_backend, parameters)
    has_health = bool(service.health_check_config or service.health_check_custom_config)
    wanted = parameters.get("HealthStatus", "ALL")
    instances = []
    for one in service.instances:
        if has_health and wanted in ("HEALTHY", "UNHEALTHY") and one.health_status != wanted:
            continue
        instance = {
            "InstanceId": one.instance_id,
            "NamespaceName": parameters["NamespaceName"],
            "ServiceName": parameters["ServiceName"],
            "Attributes": one.attributes,
        }
        if has_health:
            instance["HealthStatus"] = one.health_status
        instances.append(instance)
    return json.dumps({"Instances": instances[:limit], "InstancesRevision": revision_of(service)})


def discover_instances_revision(response):
    service = service_of(response.servicediscovery_backend, asked(response))
    return json.dumps({"InstancesRevision": revision_of(service)})


ServiceDiscoveryBackend.get_service = get_service
ServiceDiscoveryResponse.list_namespaces = list_namespaces
ServiceDiscoveryResponse.list_services = list_services
ServiceDiscoveryResponse.discover_instances = discover_instances
ServiceDiscoveryResponse.discover_instances_revision = discover_instances_revision
