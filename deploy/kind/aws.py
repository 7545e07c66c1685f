"""AWS inside a cluster: moto's server with our extensions, and in it a VPC, subnets and an instance behind each node.

`POD_RANGES` lists the nodes' ranges of pod addresses (`192.168.96.0/24 192.168.97.0/24`). An instance's network
interface holds its range, as the VPC CNI would give it, so that a pod's address leads to an interface and from there to
a security group. What was made is gone with the process.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from ipaddress import IPv4Network, ip_network
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from localworld.aws_world import IMAGE, build_aws_world, client_config, local_session
from localworld.moto_server import START_SECONDS, serve
from localworld.processes import answers, forget_user_settings, wait_for

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

NODE_ADDRESSES = IPv4Network("192.168.111.0/24")  # the end of the first private subnet; pods have its beginning
ADDRESSES = 254  # of a node: what a /24 has


def build(url: str, pod_ranges: list[IPv4Network]) -> None:
    """Make the world as soon as the server answers."""
    wait_for("moto's server", lambda: answers(f"{url}/moto-api/data.json"), seconds=START_SECONDS)
    ec2 = local_session().client("ec2", endpoint_url=url, config=client_config())
    world = build_aws_world(ec2, nodes=0)
    for address, pods in zip(NODE_ADDRESSES.hosts(), pod_ranges, strict=False):
        run_node(
            ec2,
            subnet=world.subnets["private-a"],
            group=world.node_security_group_id,
            address=str(address),
            pods=[str(pod) for pod in islice(pods.hosts(), ADDRESSES)],
        )


def run_node(ec2: EC2Client, *, subnet: str, group: str, address: str, pods: list[str]) -> None:
    """An instance whose interface has the addresses of its pods."""
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "PrivateIpAddress": address}
    made = ec2.run_instances(
        ImageId=IMAGE,
        MinCount=1,
        MaxCount=1,
        InstanceType="m5.large",
        NetworkInterfaces=[interface],  # type: ignore[list-item]  # a dictionary of that shape
    )
    network_interface = made["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    ec2.assign_private_ip_addresses(NetworkInterfaceId=network_interface, PrivateIpAddresses=pods)


def main() -> None:
    """The command line. --ready: a file that is made when all is there."""
    parser = argparse.ArgumentParser(description="AWS made of moto, for a cluster on this machine.")
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--ready", type=Path, default=Path("/tmp/ready"))
    given = parser.parse_args()
    pod_ranges = [IPv4Network(str(ip_network(each))) for each in os.environ.get("POD_RANGES", "").split()]
    forget_user_settings()

    def prepare() -> None:
        build(f"http://127.0.0.1:{given.port}", pod_ranges)
        given.ready.touch()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    threading.Thread(target=prepare, daemon=True).start()
    serve(given.port, host=given.host)


if __name__ == "__main__":
    main()
