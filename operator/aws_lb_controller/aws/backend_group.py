"""The cluster's shared backend security group: load balancers carry it, and targets let it in.

It belongs to no stack. It is found by its tags, made when the first stack needs it, and deleted with the last.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from aws_lb_controller.api.names import Tag
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.errors import tolerating
from aws_lb_controller.aws.wire import tags as wire_tags
from aws_lb_controller.aws.wire.tags import Json
from aws_lb_controller.errors import AwsNotFound
from aws_lb_controller.model import naming
from aws_lb_controller.settings import Settings

DESCRIPTION = "[k8s] Shared Backend SecurityGroup for LoadBalancer"
_RESOURCE = "backend-sg"


class BackendSecurityGroup:
    """Thread-safe. ``--backend-security-group`` names one that is never made, changed or deleted."""

    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._ec2, self._vpc_id = clients.ec2, clients.vpc_id
        self._given = settings.backend_security_group
        self._cluster = settings.cluster_name
        self._external = frozenset(settings.external_managed_tags)
        self._name = naming.backend_security_group(cluster=settings.cluster_name)
        own = {Tag.CLUSTER.value: settings.cluster_name, Tag.RESOURCE.value: _RESOURCE}
        self._tags = {**settings.default_tags, **own}
        self._id: str | None = None
        self._changes = 0
        self._lock = threading.Lock()

    @property
    def known(self) -> str | None:
        """The group's id as far as it is known; asks nobody."""
        return self._given or self._id

    def ensure(self) -> str:
        """The group's id; the group is looked for and made if need be (DescribeSecurityGroups, CreateSecurityGroup)."""
        if self._given:
            return self._given
        with self._lock:
            if self._id is None:
                found = self._find()
                self._id = self._tagged(found) if found else self._create()
                self._changes += 1
            return self._id

    @property
    def changes(self) -> int:
        """How often the group was found, made or deleted: to be asked before a look that `notice` is told of.

        Asks no lock, so nobody waits for AWS here; a change that is under way counts when it has ended.
        """
        return self._changes

    def notice(self, described: Iterable[Json], *, since: int) -> None:
        """All of the cluster's groups were described just now: so it is known whether there is a shared one.

        since: the `changes` before they were; what was done meanwhile is newer than what was seen.
        """
        with self._lock:
            if self._changes == since:
                found = self._choose(described)
                self._id = found["GroupId"] if found else None

    def delete(self, *, needed: Callable[[], bool]) -> None:
        """Deletes the group if there is one (DeleteSecurityGroup). Raises `AwsInUse` while something carries it.

        needed is asked when nobody can be given the group any more, and stops it: a stack may have come meanwhile.
        """
        if self._given:
            return
        with self._lock:
            if needed():
                return
            self._id = None  # first: whoever looks from here on asks for a group, and waits until this one is gone
            try:
                if found := self._find():
                    with tolerating(AwsNotFound):
                        self._ec2.delete_security_group(GroupId=found["GroupId"])
            finally:
                self._changes += 1  # also if it failed: it may have taken effect

    def _find(self) -> Json | None:
        pages = self._ec2.get_paginator("describe_security_groups").paginate(
            Filters=[
                {"Name": "vpc-id", "Values": [self._vpc_id]},
                {"Name": f"tag:{Tag.CLUSTER}", "Values": [self._cluster]},
                {"Name": f"tag:{Tag.RESOURCE}", "Values": [_RESOURCE]},
            ]
        )
        return self._choose(group for page in pages for group in page["SecurityGroups"])

    def _choose(self, described: Iterable[Json]) -> Json | None:
        """Of several (two replicas once made one each) every replica chooses the same."""
        ours = [group for group in described if self._is_ours(group)]
        return min(ours, key=lambda group: (group["GroupName"] != self._name, group["GroupId"]), default=None)

    def _is_ours(self, group: Json) -> bool:
        tags = wire_tags.from_aws(group.get("Tags", ()))
        return tags.get(Tag.CLUSTER) == self._cluster and tags.get(Tag.RESOURCE) == _RESOURCE

    def _create(self) -> str:
        return self._ec2.create_security_group(
            VpcId=self._vpc_id,
            GroupName=self._name,
            Description=DESCRIPTION,
            TagSpecifications=wire_tags.specification(self._tags),  # type: ignore[arg-type]  # one shape for all kinds
        )["GroupId"]

    def _tagged(self, group: Json) -> str:
        """Brings the tags of a group that is there to what they should be; returns its id."""
        arn, has = str(group["GroupId"]), wire_tags.from_aws(group.get("Tags", ()))
        theirs = {key for key in has if key.startswith("aws:")} | self._external
        add = {key: value for key, value in self._tags.items() if has.get(key) != value and key not in theirs}
        remove = has.keys() - self._tags.keys() - theirs
        if add:
            self._ec2.create_tags(Resources=[arn], Tags=wire_tags.to_aws(add))  # type: ignore[arg-type]  # plain dicts
        if remove:
            self._ec2.delete_tags(Resources=[arn], Tags=wire_tags.keys(remove))  # type: ignore[arg-type]  # plain dicts
        return arn
