"""Where EC2 is, by botocore's rules: a line for each region of each partition, with the endpoint as it
is, with FIPS, with dual stack, and with both; `-` where there is none.

Writes ec2_endpoints.txt, which the own test of ext-discovery-ecs compares with:

    .venv/bin/python e2e/aws/ec2_endpoints.py >e2e/aws/ec2_endpoints.txt
"""

from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import Loader


def main():
    loader = Loader()
    partitions = loader.load_data("partitions")
    rules = loader.load_service_model("ec2", "endpoint-rule-set-1")
    provider = EndpointProvider(rules, partitions)

    def endpoint(region, fips, dual_stack):
        try:
            found = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual_stack)
            return found.url
        except EndpointProviderError:
            return "-"

    for partition in partitions["partitions"]:
        for region in sorted(partition["regions"]):
            ways = [(False, False), (True, False), (False, True), (True, True)]
            print(region, *(endpoint(region, *way) for way in ways))


if __name__ == "__main__":
    main()
