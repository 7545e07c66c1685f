"""What an AWS account holds before the controller comes: a VPC, tagged subnets, and EC2 instances behind the nodes.

An instance's network interface holds its node's whole range of pod addresses as secondary addresses, as the VPC CNI
would give them, so that a pod's address leads to an interface and from there to a security group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from localworld.control_plane import NodePlace
from localworld.processes import AWS_STAND_IN, REGION

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import TagTypeDef

CLUSTER = "demo"
ZONES = "abc"
IMAGE = "ami-0123456789abcdef0"  # moto runs any
NODE_ZONES = len(ZONES)


@dataclass(frozen=True)
class AwsWorld:
    """What was made. `subnets` maps `public-a` … `private-c` to ids."""

    vpc_id: str
    subnets: dict[str, str]
    node_security_group_id: str
    nodes: tuple[NodePlace, ...]
    cluster: str = CLUSTER
    region: str = REGION


def local_session() -> boto3.Session:
    """A boto3 session with the stand-in credentials, whatever the user has set up."""
    return boto3.Session(
        aws_access_key_id=AWS_STAND_IN["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=AWS_STAND_IN["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def build_aws_world(ec2: EC2Client, *, cluster: str = CLUSTER, nodes: int = 3) -> AwsWorld:
    """Make it all: 192.168.0.0/16 with a public and a private subnet in each of three zones, and the nodes."""
    vpc = ec2.create_vpc(CidrBlock="192.168.0.0/16")["Vpc"]["VpcId"]
    _tag(ec2, vpc, {"Name": f"{cluster}-vpc"})
    subnets = _make_subnets(ec2, vpc, cluster)
    _route_to_the_internet(ec2, vpc, [subnet for name, subnet in subnets.items() if name.startswith("public")])
    group = ec2.create_security_group(GroupName=f"{cluster}-node", Description="nodes", VpcId=vpc)["GroupId"]
    _tag(ec2, group, {f"kubernetes.io/cluster/{cluster}": "owned", "Name": f"{cluster}-node"})
    places = tuple(
        _run_node(ec2, number, subnet=subnets[f"private-{_zone(number)}"], group=group) for number in range(nodes)
    )
    return AwsWorld(vpc_id=vpc, subnets=subnets, node_security_group_id=group, nodes=places, cluster=cluster)


def _zone(number: int) -> str:
    return ZONES[number % NODE_ZONES]


def _tag(ec2: EC2Client, resource: str, tags: dict[str, str]) -> None:
    described: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in tags.items()]
    ec2.create_tags(Resources=[resource], Tags=described)


def _make_subnets(ec2: EC2Client, vpc: str, cluster: str) -> dict[str, str]:
    subnets = {}
    for number, zone in enumerate(ZONES):
        for kind, base, role in (("public", 0, "elb"), ("private", 96, "internal-elb")):
            subnet = ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"192.168.{base + 16 * number}.0/20", AvailabilityZone=f"{REGION}{zone}"
            )["Subnet"]["SubnetId"]
            tags = {f"kubernetes.io/role/{role}": "1", f"kubernetes.io/cluster/{cluster}": "shared"}
            _tag(ec2, subnet, {"Name": f"{kind}-{zone}", **tags})
            if kind == "public":  # dual-stack load balancers need subnets with IPv6; the private ones have none
                ec2.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock=f"2001:db8:0:{number}::/64")
            subnets[f"{kind}-{zone}"] = subnet
    return subnets


def _route_to_the_internet(ec2: EC2Client, vpc: str, subnets: list[str]) -> None:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)


def _run_node(ec2: EC2Client, number: int, *, subnet: str, group: str) -> NodePlace:
    """Node n stands in zone n mod 3, with an address and a range of pods in that zone's private subnet."""
    third, round_ = 96 + 16 * (number % NODE_ZONES), number // NODE_ZONES
    address, pods = f"192.168.{third}.{10 + round_}", f"192.168.{third + 1 + round_}"
    instance = ec2.run_instances(
        ImageId=IMAGE,
        MinCount=1,
        MaxCount=1,
        InstanceType="m5.large",
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "PrivateIpAddress": address}],
    )["Instances"][0]
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    pod_addresses = [f"{pods}.{host}" for host in range(1, 255)]
    ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=pod_addresses)
    return NodePlace(
        name=f"node-{number}",
        instance_id=instance["InstanceId"],
        zone=f"{REGION}{_zone(number)}",
        ip=address,
        pod_cidr=f"{pods}.0/24",
    )


def client_config() -> Config:
    """Short time-outs and no long retries: moto answers at once or is broken."""
    return Config(connect_timeout=3, read_timeout=15, retries={"total_max_attempts": 2, "mode": "standard"})
