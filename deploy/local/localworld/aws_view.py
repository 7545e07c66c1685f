"""What exists in AWS, as tables: load balancers, listeners, rules, target groups, targets, security groups.

Read with boto3 from the API, as anyone could; the controller's own code is not asked, so that the tables cannot
repeat its mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localworld.tables import Row, Table

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client


def name_in(arn: str) -> str:
    """The name in the ARN of a load balancer or target group."""
    parts = arn.split(":", 5)[5].split("/")
    return parts[-2]


@dataclass(frozen=True)
class AwsView:
    """Reads one account. `vpc_id` says whose security groups to look at."""

    elbv2: ElasticLoadBalancingv2Client
    ec2: EC2Client
    vpc_id: str

    # ---- read

    def load_balancers(self) -> list[dict[str, Any]]:
        """DescribeLoadBalancers, all pages, by name."""
        pages = self.elbv2.get_paginator("describe_load_balancers").paginate()
        return sorted((dict(one) for page in pages for one in page["LoadBalancers"]), key=_by("LoadBalancerName"))

    def listeners(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each listener with the name of its load balancer."""
        for balancer in self.load_balancers():
            found = self.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
            for listener in sorted(found, key=lambda one: one["Port"]):
                yield balancer["LoadBalancerName"], dict(listener)

    def target_groups(self) -> list[dict[str, Any]]:
        """DescribeTargetGroups, all pages, by name."""
        pages = self.elbv2.get_paginator("describe_target_groups").paginate()
        return sorted((dict(one) for page in pages for one in page["TargetGroups"]), key=_by("TargetGroupName"))

    def targets(self, target_group_arn: str) -> dict[str, str]:
        """`192.168.97.1:80` → `healthy`, `draining` …"""
        described = self.elbv2.describe_target_health(TargetGroupArn=target_group_arn)["TargetHealthDescriptions"]
        states = {f"{one['Target']['Id']}:{one['Target']['Port']}": one["TargetHealth"]["State"] for one in described}
        return {target: str(states[target]) for target in sorted(states)}

    def registered(self, target_group_arn: str) -> int:
        """How many targets there are, those that drain left out."""
        return sum(state != "draining" for state in self.targets(target_group_arn).values())

    def security_groups(self) -> list[dict[str, Any]]:
        """The VPC's security groups but the default one, by name."""
        of_the_vpc = [{"Name": "vpc-id", "Values": [self.vpc_id]}]
        found = self.ec2.describe_security_groups(Filters=of_the_vpc)["SecurityGroups"]  # type: ignore[arg-type]  # str is FilterTypeDef's name
        return sorted((dict(one) for one in found if one["GroupName"] != "default"), key=_by("GroupName"))

    # ---- show

    def tables(self) -> list[Table]:
        """Everything there is."""
        return [
            self.load_balancer_table(),
            self.listener_table(),
            self.rule_table(),
            self.target_group_table(),
            self.target_table(),
            self.security_group_table(),
        ]

    def load_balancer_table(self) -> Table:
        """Name, type, scheme, state, zones, security groups."""
        names = self._group_names()
        rows = [
            (
                one["LoadBalancerName"],
                one["Type"],
                one["Scheme"],
                one["State"]["Code"],
                ", ".join(sorted(zone["ZoneName"] for zone in one["AvailabilityZones"])),
                "\n".join(sorted(names.get(group, group) for group in one.get("SecurityGroups") or [])),
            )
            for one in self.load_balancers()
        ]
        return Table("LOAD BALANCERS", ("NAME", "TYPE", "SCHEME", "STATE", "ZONES", "SECURITY GROUPS"), rows)

    def listener_table(self) -> Table:
        """Load balancer, protocol and port, default action."""
        rows = [
            (name, f"{listener['Protocol']}:{listener['Port']}", _actions(listener["DefaultActions"]))
            for name, listener in self.listeners()
        ]
        return Table("LISTENERS", ("LOAD BALANCER", "LISTENER", "DEFAULT ACTION"), rows)

    def rule_table(self) -> Table:
        """Load balancer, listener, priority, conditions, action; default rules are in the listeners' table."""
        rows: list[Row] = []
        for name, listener in self.listeners():
            pages = self.elbv2.get_paginator("describe_rules").paginate(ListenerArn=listener["ListenerArn"])
            rules = [rule for page in pages for rule in page["Rules"] if not rule["IsDefault"]]
            for rule in sorted(rules, key=lambda one: int(one["Priority"])):
                when = "\n".join(_condition(one) for one in rule["Conditions"])
                rows.append((name, str(listener["Port"]), rule["Priority"], when, _actions(rule["Actions"])))
        return Table("RULES", ("LOAD BALANCER", "PORT", "PRIORITY", "IF", "THEN"), rows)

    def target_group_table(self) -> Table:
        """Name, protocol and port, target type, health check, load balancer."""
        rows = [
            (
                group["TargetGroupName"],
                f"{group['Protocol']}:{group['Port']}",
                group["TargetType"],
                _health_check(group),
                ", ".join(name_in(arn) for arn in group["LoadBalancerArns"]),
            )
            for group in self.target_groups()
        ]
        return Table("TARGET GROUPS", ("NAME", "PROTOCOL", "TARGETS", "HEALTH CHECK", "LOAD BALANCER"), rows)

    def target_table(self, prefix: str = "") -> Table:
        """Target group, target, state, for the groups whose names begin with the prefix."""
        rows = []
        for group in self.target_groups():
            if group["TargetGroupName"].startswith(prefix):
                targets = self.targets(group["TargetGroupArn"]) or {"(none)": ""}
                rows.append((group["TargetGroupName"], "\n".join(targets), "\n".join(targets.values())))
        return Table("TARGETS", ("TARGET GROUP", "TARGET", "STATE"), rows)

    def security_group_table(self) -> Table:
        """Name, inbound rules, purpose."""
        names = self._group_names()
        rows = [
            (one["GroupName"], "\n".join(_permissions(one["IpPermissions"], names)) or "(none)", one["Description"])
            for one in self.security_groups()
        ]
        return Table("SECURITY GROUPS", ("NAME", "INBOUND", "DESCRIPTION"), rows)

    def _group_names(self) -> dict[str, str]:
        return {one["GroupId"]: one["GroupName"] for one in self.security_groups()}

    # ---- check

    def leftovers(self, node_security_group_id: str) -> list[str]:
        """What is there that was not there before the controller: names, each with its kind; empty when all is gone."""
        groups = {one["GroupId"]: one for one in self.security_groups()}
        nodes = groups.pop(node_security_group_id)
        return [
            *(f"load balancer {one['LoadBalancerName']}" for one in self.load_balancers()),
            *(f"target group {one['TargetGroupName']}" for one in self.target_groups()),
            *(f"security group {one['GroupName']}" for one in groups.values()),
            *(f"rule on the nodes' security group: {one}" for one in _permissions(nodes["IpPermissions"], {})),
        ]


def _by(key: str) -> Any:
    return lambda one: one[key]


def _actions(actions: Iterable[Mapping[str, Any]]) -> str:
    return ", then ".join(_action(action) for action in actions)


def _action(action: Mapping[str, Any]) -> str:
    if action["Type"] == "forward":
        groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or [action]
        shares = [f" ({group.get('Weight', 1)})" if len(groups) > 1 else "" for group in groups]
        names = [name_in(group["TargetGroupArn"]) + share for group, share in zip(groups, shares, strict=True)]
        return "forward to " + ", ".join(names)
    if action["Type"] == "fixed-response":
        answer = action["FixedResponseConfig"]
        return f"answer {answer['StatusCode']} {answer.get('MessageBody') or ''}".strip()
    return str(action["Type"])


def _condition(condition: Mapping[str, Any]) -> str:
    values = list(condition.get("Values") or [])
    for config in condition.values():
        if isinstance(config, dict):
            values += [str(value) for value in config.get("Values") or [] if str(value) not in values]
    return f"{condition['Field']} is {' or '.join(values)}"


def _health_check(group: Mapping[str, Any]) -> str:
    path = group.get("HealthCheckPath") or ""
    return f"{group['HealthCheckProtocol']} {group['HealthCheckPort']} {path}".strip()


def _permissions(permissions: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    """`tcp 80 from 0.0.0.0/0`, one line per source."""
    return sorted(
        f"{_protocol(permission)} from {source}" for permission in permissions for source in _sources(permission, names)
    )


def _protocol(permission: Mapping[str, Any]) -> str:
    if permission["IpProtocol"] == "-1":
        return "everything"
    first, last = permission.get("FromPort"), permission.get("ToPort")
    return f"{permission['IpProtocol']} {first}" if first == last else f"{permission['IpProtocol']} {first}-{last}"


def _sources(permission: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    groups = [pair["GroupId"] for pair in permission.get("UserIdGroupPairs") or []]
    return [
        *(one["CidrIp"] for one in permission.get("IpRanges") or []),
        *(one["CidrIpv6"] for one in permission.get("Ipv6Ranges") or []),
        *(names.get(group, group) for group in groups),
        *(one["PrefixListId"] for one in permission.get("PrefixListIds") or []),
    ]
