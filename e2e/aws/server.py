"""AWS on one machine, for the tests: moto's server, and a door to edit what moto lacks.

Prints one line of JSON, {"aws": PORT, "control": PORT}, and runs until its standard input ends, so
that it dies with whoever started it.

Everybody's things are kept apart by account: a request belongs to the account that its header
x-moto-account-id names, which the wire between a program and this server sets; without one, to the
account whose number the access key ends with.

The control port takes POSTs of {"do": ..., "account": ..., ...} and answers {"ok": ...} or
{"error": ...}:

  call       service, operation, parameters: one call by boto3, as any client would make it
  network    a VPC, subnet and security group to put tasks into
  instance   an EC2 instance with these addresses, registered with a cluster
  tasks      tasks as the ECS agent would report them, as many as wanted in one go
  set        members of a task as DescribeTasks gives them, or of one of its containers
"""

import datetime
import json
import logging
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import cloudmap  # noqa: F401
import moto.iam.models
from botocore.config import Config
from moto.core.responses import ActionResult
from moto.ec2 import ec2_backends
from moto.ec2.responses import EC2Response
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend, Task, ecs_backends
from moto.ecs.responses import DESCRIBE_TASKS_TAGS, EC2ContainerServiceResponse
from moto.moto_api import state_manager
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
IMAGE = "ami-12c6146b"
# What one call may ask for, and what one answer holds.
PAGE = 100


def account_of(access_key, known=moto.iam.models.get_account_id_from):
    """The account of a test's own key: AKIA, four digits, and the account's twelve."""
    if access_key.startswith("AKIA") and access_key[4:].isdigit():
        return access_key[-12:]
    return known(access_key)


moto.iam.models.get_account_id_from = account_of


# What moto does otherwise than ECS and EC2: pages, failures, the filter that ListTasks has by default.


def page_of(response, items):
    """One page of a list: (items, nextToken)."""
    size = response._get_int_param("maxResults", PAGE)
    if not 1 <= size <= PAGE:
        raise InvalidParameterException(f"maxResults must be between 1 and {PAGE}.")
    begin = int(response._get_param("nextToken") or 0)
    end = begin + size
    return items[begin:end], str(end) if end < len(items) else None


def list_tasks(response):
    backend = response.ecs_backend
    cluster = backend._get_cluster(response._get_param("cluster", "default"))
    wanted = response._get_param("desiredStatus", "RUNNING")
    family = response._get_param("family")
    arns = [
        arn
        for arn, task in backend.tasks.get(cluster.name, {}).items()
        if task.desired_status == wanted
        and (family is None or task.task_definition_arn.rsplit(":", 1)[0].endswith(f"/{family}"))
    ]
    arns, token = page_of(response, arns)
    return ActionResult({"taskArns": arns, "nextToken": token})


def describe_tasks(response):
    backend = response.ecs_backend
    cluster = backend._get_cluster(response._get_param("cluster", "default"))
    asked = response._get_param("tasks", [])
    if not 1 <= len(asked) <= PAGE:
        raise InvalidParameterException(f"Tasks must hold between 1 and {PAGE} elements.")
    known = backend.tasks.get(cluster.name, {})
    by_id = {arn.rsplit("/", 1)[1]: task for arn, task in known.items()}
    found, failures = [], []
    for arn in asked:
        task = by_id.get(arn.rsplit("/", 1)[-1])
        if task is None:
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(task)
    if "TAGS" in response._get_param("include", []):
        response._include_in_response(DESCRIBE_TASKS_TAGS)
    else:
        response._exclude_from_response(DESCRIBE_TASKS_TAGS)
    return ActionResult({"tasks": found, "failures": failures})


inner_describe_container_instances = EC2ContainerServiceBackend.describe_container_instances


def describe_container_instances(backend, cluster_str, ids):
    cluster = backend._get_cluster(cluster_str)
    if len(ids or []) > PAGE:
        raise InvalidParameterException(f"Container Instances must not hold more than {PAGE}.")
    backend.container_instances.setdefault(cluster.name, {})
    return inner_describe_container_instances(backend, cluster_str, ids)


def describe_instances(response, inner=EC2Response.describe_instances):
    """All instances that are asked for by id come in one answer."""
    if response._get_param("InstanceIds", []):
        known = response._get_param
        response._get_param = lambda name, *rest: PAGE * 10 if name == "MaxResults" else known(name, *rest)
    return inner(response)


EC2Response.describe_instances = describe_instances
EC2ContainerServiceResponse.list_tasks = list_tasks
EC2ContainerServiceResponse.describe_tasks = describe_tasks
EC2ContainerServiceBackend.describe_container_instances = describe_container_instances


# The control port.


class Control:
    """What can be done, each under its name."""

    def __init__(self, aws):
        self.endpoint = f"http://127.0.0.1:{aws}"
        self.clients = {}
        self.networks = {}
        self.lock = threading.RLock()

    def client(self, account, service):
        with self.lock:
            key = (account, service)
            if key not in self.clients:
                client = boto3.client(
                    service,
                    region_name=REGION,
                    endpoint_url=self.endpoint,
                    aws_access_key_id="AKIATESTSETUP0000000",
                    aws_secret_access_key="test-setup",
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": 4},
                        inject_host_prefix=False,
                        s3={"addressing_style": "path"},
                    ),
                )

                def name_account(request, **_):
                    request.headers["x-moto-account-id"] = account

                client.meta.events.register("before-send", name_account)
                self.clients[key] = client
            return self.clients[key]

    def call(self, account, service, operation, parameters):
        answer = getattr(self.client(account, service), operation)(**parameters)
        answer.pop("ResponseMetadata", None)
        if hasattr(answer.get("Body"), "read"):
            answer["Body"] = answer["Body"].read().decode()
        return answer

    def network(self, account):
        with self.lock:
            if account not in self.networks:
                backend = ec2_backends[account][REGION]
                subnet = backend.get_default_subnets()[f"{REGION}a"]
                group = backend.get_security_group_by_name_or_id("default", subnet.vpc_id)
                self.networks[account] = {
                    "vpc": subnet.vpc_id,
                    "subnet": subnet.id,
                    "group": group.id,
                }
            return self.networks[account]

    def instance(self, account, cluster, ipv4, ipv6, subnet=None):
        subnet = subnet or self.network(account)["subnet"]
        ec2 = self.client(account, "ec2")
        run = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, SubnetId=subnet)
        identifier = run["Instances"][0]["InstanceId"]
        instance = ec2_backends[account][REGION].get_instance(identifier)
        if ipv4:
            instance.nics[0].private_ip_address = ipv4
            instance.nics[0].private_ip_addresses[0]["PrivateIpAddress"] = ipv4
        if ipv6:
            instance.nics[0].ipv6_addresses = ipv6
        # What the ECS agent would read from the instance's metadata; moto looks at this member alone.
        document = json.dumps({"instanceId": identifier})
        registered = self.client(account, "ecs").register_container_instance(
            cluster=cluster, instanceIdentityDocument=document
        )
        return {
            "id": identifier,
            "arn": registered["containerInstance"]["containerInstanceArn"],
            "ipv4": instance.nics[0].private_ip_address,
            "ipv6": instance.nics[0].ipv6_addresses,
        }

    def tasks(self, account, cluster, tasks):
        backend = ecs_backends[account][REGION]
        with self.lock:
            return [self.task(backend, account, cluster, task) for task in tasks]

    def task(self, backend, account, cluster_name, wanted):
        definition = backend.describe_task_definition(wanted["definition"])
        cluster = backend._get_cluster(cluster_name)
        network = None
        if definition.network_mode == "awsvpc":
            place = self.network(account)
            network = {
                "awsvpcConfiguration": {
                    "subnets": [wanted.get("subnet") or place["subnet"]],
                    "securityGroups": [place["group"]],
                }
            }
        task = Task(
            cluster=cluster,
            task_definition=definition,
            container_instance_arn=wanted.get("instance"),
            resource_requirements=None,
            backend=backend,
            group=wanted.get("group") or f"family:{definition.family}",
            launch_type="EC2" if wanted.get("instance") else "FARGATE",
            overrides=wanted.get("overrides") or {},
            tags=wanted.get("tags") or [],
            networking_configuration=network,
        )
        now = datetime.datetime.now(datetime.timezone.utc)
        task.created_at = now
        task.started_at = now
        task.connectivity = "CONNECTED"
        task.availability_zone = f"{REGION}a"
        task.cpu, task.memory, task.version = "256", "512", 1
        task.containers = [
            self.container(task, definition, container, wanted)
            for container in definition.container_definitions
        ]
        for attachment in task.attachments:
            self.address(task, attachment, wanted)
        for name, value in (wanted.get("members") or {}).items():
            set_member(task, name, value)
        judge_health(task, backend)
        backend.tasks.setdefault(cluster.name, {})[task.task_arn] = task
        return task.task_arn

    @staticmethod
    def container(task, definition, container, wanted):
        bindings = [
            {key: value for key, value in binding.items() if key != "container"}
            for binding in wanted.get("bindings") or []
            if binding["container"] == container["name"]
        ]
        return {
            "containerArn": f"{task.task_arn.replace(':task/', ':container/')}/{container['name']}",
            "taskArn": task.task_arn,
            "name": container["name"],
            "image": container.get("image"),
            "lastStatus": "RUNNING",
            "healthStatus": "HEALTHY" if container.get("healthCheck") else "UNKNOWN",
            "networkBindings": bindings,
            "networkInterfaces": [],
            "cpu": "0",
        }

    @staticmethod
    def address(task, attachment, wanted):
        ipv4, ipv6 = wanted.get("ipv4"), wanted.get("ipv6")
        details = {detail["name"]: detail["value"] for detail in attachment["details"]}
        if ipv4 or ipv6:
            details.pop("privateIPv4Address", None)
        if ipv4:
            details["privateIPv4Address"] = ipv4
        attachment["details"] = [{"name": name, "value": value} for name, value in details.items()]
        # An IPv6 address is told by the interfaces of the containers alone.
        interface = {"attachmentId": attachment["id"]}
        if "privateIPv4Address" in details:
            interface["privateIpv4Address"] = details["privateIPv4Address"]
        if ipv6:
            interface["ipv6Address"] = ipv6
        for container in task.containers:
            container["networkInterfaces"] = [interface]

    def set(self, account, task, members, container=None):
        backend = ecs_backends[account][REGION]
        cluster = task.split("/")[-2]
        found = backend.tasks[cluster][task]
        with self.lock:
            if container is None:
                for name, value in members.items():
                    set_member(found, name, value)
            else:
                [one] = [one for one in found.containers if one["name"] == container]
                one.update(members)
            if "healthStatus" not in members or container is not None:
                judge_health(found, backend)


def set_member(task, name, value):
    """A member of a task by its name in the API, such as lastStatus."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    setattr(task, snake, value)


def judge_health(task, backend):
    """As ECS does: the essential containers with a health check decide."""
    definition = backend.describe_task_definition(task.task_definition_arn)
    essential = {
        container["name"]
        for container in definition.container_definitions
        if container.get("essential", True) and container.get("healthCheck")
    }
    seen = {one["healthStatus"] for one in task.containers if one["name"] in essential}
    if "UNHEALTHY" in seen:
        task.health_status = "UNHEALTHY"
    elif seen == {"HEALTHY"}:
        task.health_status = "HEALTHY"
    else:
        task.health_status = "UNKNOWN"


def control_server(control):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            try:
                answer = {"ok": getattr(control, asked.pop("do"))(**asked)}
            except Exception:
                answer = {"error": traceback.format_exc()}
            body = json.dumps(answer, default=str).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # Nothing happens to a task but what a test does to it.
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": sys.maxsize})
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    aws = server.get_host_and_port()[1]
    print(json.dumps({"aws": aws, "control": control_server(Control(aws))}), flush=True)
    # Nobody reads any further.
    sys.stdout = sys.stderr
    sys.stdin.read()


if __name__ == "__main__":
    main()
