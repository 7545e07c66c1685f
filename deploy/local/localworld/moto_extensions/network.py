"""What EC2's network answers on AWS and moto does not: secondary addresses found, IPv6 networks associated."""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.subnets import Subnet

from localworld.moto_extensions.patching import around, computed

BY_ADDRESS = "addresses.private-ip-address"


@around(EC2Backend, "get_all_network_interfaces")
def get_all_network_interfaces(original: Any, backend: Any, eni_ids: Any = None, filters: Any = None) -> list[Any]:
    """An interface is found by any of its addresses, not only by the first."""
    others = {name: values for name, values in (filters or {}).items() if name != BY_ADDRESS}
    interfaces: list[Any] = original(backend, eni_ids, others)
    if BY_ADDRESS not in (filters or {}):
        return interfaces
    return [one for one in interfaces if _addresses(one) & set(filters[BY_ADDRESS])]


def _addresses(interface: Any) -> set[str]:
    return {address["PrivateIpAddress"] for address in interface.private_ip_addresses}


@computed(Subnet, "ipv6_cidr_block_association_set")
def ipv6_associations(subnet: Any) -> list[dict[str, Any]]:
    """A subnet's IPv6 networks, each saying that it is associated (moto nests the state once too often)."""
    return [
        {
            "ipv6CidrBlock": association["ipv6CidrBlock"],
            "associationId": association["associationId"],
            "ipv6CidrBlockState": {"state": association["ipv6CidrBlockState"]["State"]},
        }
        for association in subnet.ipv6_cidr_block_associations.values()
        if association["ipv6CidrBlockState"]["State"] == "associated"
    ]
