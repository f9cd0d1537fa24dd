"""What moto does otherwise than Cloud Map: pages, filters, limits, counts, revisions, and namespaces of
other accounts. One whose description is `shared with ACCOUNT` is shared with that account, which has to
name it and its services by ARN.

Importing this changes moto for the whole process.
"""

import json

from moto.servicediscovery.exceptions import InvalidInput, NamespaceNotFound, ServiceNotFound
from moto.servicediscovery.models import ServiceDiscoveryBackend, servicediscovery_backends
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


def shared_with(account, region):
    """Namespaces of other accounts, each with its account."""
    return [
        (one, owner)
        for owner in list(servicediscovery_backends)
        for one in list(servicediscovery_backends[owner][region].namespaces.values())
        if one.description == f"shared with {account}"
    ]


def backend_of(response, owner):
    """Where an account's things are: its own, or another's that shares something."""
    own = response.servicediscovery_backend
    if owner is None or owner == own.account_id:
        return own
    if owner not in [sharer for _, sharer in shared_with(own.account_id, own.region_name)]:
        raise NamespaceNotFound(owner)
    return servicediscovery_backends[owner][own.region_name]


def owner_of(identifier):
    """The account that an ARN names; nothing for an id."""
    return identifier.split(":")[4] if identifier.startswith("arn:") else None


def list_namespaces(response):
    parameters, own = asked(response), response.servicediscovery_backend
    namespaces = [(one, own.account_id) for one in own.list_namespaces()]
    namespaces += shared_with(own.account_id, own.region_name)
    for condition in parameters.get("Filters", []):
        if condition["Name"] == "RESOURCE_OWNER":
            wants_own = condition["Values"] == ["SELF"]
            namespaces = [pair for pair in namespaces if (pair[1] == own.account_id) == wants_own]
    namespaces, token = page_of(parameters, namespaces)
    summaries = [{**one.to_json(), "ResourceOwner": owner} for one, owner in namespaces]
    return 200, {}, json.dumps({"Namespaces": summaries, **token})


def list_services(response):
    parameters = asked(response)
    services = list(response.servicediscovery_backend.list_services())
    for condition in parameters.get("Filters", []):
        if condition["Name"] == "NAMESPACE_ID":
            [wanted] = condition["Values"]
            services = list(backend_of(response, owner_of(wanted)).list_services())
            services = [one for one in services if one.namespace_id == wanted.rsplit("/", 1)[-1]]
    services, token = page_of(parameters, services)
    summaries = []
    for one in services:
        summary = {name: value for name, value in one.to_json().items() if name != "NamespaceId"}
        summaries.append({**summary, "InstanceCount": len(one.instances)})
    return json.dumps({"Services": summaries, **token})


def get_service_attributes(response):
    identifier = asked(response)["ServiceId"]
    service = backend_of(response, owner_of(identifier)).get_service_attributes(identifier)
    return json.dumps({"ServiceAttributes": service.attributes_to_json()})


def get_service(backend, service_id, inner=ServiceDiscoveryBackend.get_service):
    """An ARN will do as well."""
    return inner(backend, service_id.rsplit("/", 1)[-1])


def service_of(response):
    """The service that a call for instances names."""
    parameters = asked(response)
    backend = backend_of(response, parameters.get("OwnerAccount"))
    name = parameters["NamespaceName"]
    namespaces = [one.id for one in backend.list_namespaces() if one.name == name]
    if not namespaces:
        raise NamespaceNotFound(name)
    for service in backend.list_services():
        if service.name == parameters["ServiceName"] and service.namespace_id in namespaces:
            return service
    raise ServiceNotFound(parameters["ServiceName"])


def revision_of(service):
    """It grows whenever an instance comes or goes."""
    return sum(service.instances_revision.values())


def discover_instances(response):
    parameters = asked(response)
    limit = parameters.get("MaxResults", INSTANCES)
    if not 1 <= limit <= MOST_INSTANCES:
        raise InvalidInput(f"MaxResults must be between 1 and {MOST_INSTANCES}.")
    service = service_of(response)
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
            "HealthStatus": one.health_status if has_health else "UNKNOWN",
        }
        instances.append(instance)
    return json.dumps({"Instances": instances[:limit], "InstancesRevision": revision_of(service)})


def discover_instances_revision(response):
    service = service_of(response)
    return json.dumps({"InstancesRevision": revision_of(service)})


ServiceDiscoveryBackend.get_service = get_service
ServiceDiscoveryResponse.list_namespaces = list_namespaces
ServiceDiscoveryResponse.list_services = list_services
ServiceDiscoveryResponse.get_service_attributes = get_service_attributes
ServiceDiscoveryResponse.discover_instances = discover_instances
ServiceDiscoveryResponse.discover_instances_revision = discover_instances_revision
