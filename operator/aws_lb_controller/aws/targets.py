"""A target group's targets: read once, then kept right by our own writes, so that a quiet binding costs no call.

What drains counts as gone: nothing is to be done about it, and one that is wanted again is registered anew. An audit
reads again after a while, for what others changed.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.aws.errors import INVALID_TARGET
from aws_lb_controller.errors import AwsError, AwsNotFound, AwsRefused
from aws_lb_controller.intent.binding import AssumedRole
from aws_lb_controller.plan.targets import Identity, Target, batches
from aws_lb_controller.plan.traffic import DRAINING

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef

    from aws_lb_controller.aws.clients import Clients


@dataclass(slots=True)
class _Group:
    targets: dict[Identity, Target]
    read_at: float


class Targets:
    """The registered targets of target groups, by ARN. Safe for several threads.

    Everywhere, role: in whose account the target group is, None for our own. accounts: to be shared with others.
    audit_seconds: after which what was read is to be read again, when there is time; clock gives seconds.
    """

    def __init__(
        self,
        clients: Clients,
        *,
        accounts: Accounts | None = None,
        audit_seconds: float = 1800,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts or Accounts(clients)
        self._audit_seconds = audit_seconds
        self._clock = clock
        self._groups: dict[str, _Group] = {}
        self._changes: Counter[str] = Counter()
        self._lock = threading.Lock()

    def registered(self, arn: str, *, role: AssumedRole | None = None) -> tuple[Target, ...]:
        """The targets that do not drain: those that are known, of whatever age, or DescribeTargetHealth.

        Raises `AwsError`.
        """
        while True:
            with self._lock:
                group = self._groups.get(arn)
                if group is not None:
                    return tuple(group.targets.values())
                changes = self._changes[arn]
            targets = self._read(arn, role)
            with self._lock:
                # what another thread wrote while this one read may be missing from the answer
                if self._changes[arn] == changes:
                    self._groups[arn] = _Group({t.identity: t for t in targets}, self._clock())
                    return targets

    def audit_is_due(self, arn: str) -> bool:
        """Whether what is known is so old that others may have changed it."""
        with self._lock:
            group = self._groups.get(arn)
            return group is not None and self._clock() - group.read_at >= self._audit_seconds

    def forget(self, arn: str) -> None:
        """Read anew the next time."""
        with self._lock:
            self._changes[arn] += 1
            self._groups.pop(arn, None)

    def register(self, arn: str, targets: Sequence[Target], *, role: AssumedRole | None = None) -> None:
        """RegisterTargets, a batch at a time. Raises `AwsError`; what was registered before stays known.

        A target that AWS does not take keeps none of the others out.
        """
        elbv2 = self._accounts.elbv2(role)

        def register(some: Sequence[Target]) -> None:
            with self._doubt_if_it_fails(arn):
                elbv2.register_targets(TargetGroupArn=arn, Targets=[_described(t) for t in some])
            self._remember(arn, present=some)

        for batch in batches(targets):
            _all_that_are_taken(register, batch)

    def deregister(self, arn: str, targets: Sequence[Target], *, role: AssumedRole | None = None) -> None:
        """DeregisterTargets, as `register`."""
        elbv2 = self._accounts.elbv2(role)

        def deregister(some: Sequence[Target]) -> None:
            with self._doubt_if_it_fails(arn):
                elbv2.deregister_targets(TargetGroupArn=arn, Targets=[_described(t) for t in some])
            self._remember(arn, absent=some)

        for batch in batches(targets):
            _all_that_are_taken(deregister, batch)

    def registered_now(self, arn: str, *, role: AssumedRole | None = None) -> tuple[Target, ...]:
        """As `registered`, but always read; none where there is no such group, or no group could be called so."""
        self.forget(arn)
        self._accounts.elbv2(role)  # a role that is refused says nothing of the group
        try:
            return self.registered(arn, role=role)
        except (AwsNotFound, AwsRefused):  # the call says nothing but the ARN, so that is what is refused
            return ()

    def _read(self, arn: str, role: AssumedRole | None) -> tuple[Target, ...]:
        answer = self._accounts.elbv2(role).describe_target_health(TargetGroupArn=arn)
        return tuple(
            _target(health["Target"])
            for health in answer["TargetHealthDescriptions"]
            if health.get("TargetHealth", {}).get("State") not in DRAINING
        )

    def _remember(self, arn: str, *, present: Sequence[Target] = (), absent: Sequence[Target] = ()) -> None:
        with self._lock:
            self._changes[arn] += 1
            group = self._groups.get(arn)
            if group is None:
                return
            group.targets.update({t.identity: t for t in present})
            for target in absent:
                group.targets.pop(target.identity, None)

    @contextmanager
    def _doubt_if_it_fails(self, arn: str) -> Iterator[None]:
        """A write that failed may have taken effect or not, so the group is read anew."""
        try:
            yield
        except AwsError:
            self.forget(arn)
            raise


def _all_that_are_taken(call: Callable[[Sequence[Target]], None], targets: Sequence[Target]) -> None:
    """Calls for the targets; where AWS does not take one of them, for each half by itself.

    Raises what AWS says of the first that it does not take, when all have had their call.
    """
    try:
        call(targets)
    except AwsRefused as refused:
        if refused.code != INVALID_TARGET or len(targets) == 1:
            raise
        _each_half(call, targets)


def _each_half(call: Callable[[Sequence[Target]], None], targets: Sequence[Target]) -> None:
    middle, refusals = len(targets) // 2, list[AwsRefused]()
    for half in (targets[:middle], targets[middle:]):
        try:
            _all_that_are_taken(call, half)
        except AwsRefused as refused:
            refusals.append(refused)
    if refusals:
        raise refusals[0]


def _target(description: TargetDescriptionTypeDef) -> Target:
    return Target(
        id=description["Id"],
        port=description.get("Port", 0),
        server_id=description.get("QuicServerId"),
        availability_zone=description.get("AvailabilityZone"),
    )


def _described(target: Target) -> TargetDescriptionTypeDef:
    description: TargetDescriptionTypeDef = {"Id": target.id, "Port": target.port}
    if target.availability_zone is not None:
        description["AvailabilityZone"] = target.availability_zone
    if target.server_id is not None:
        description["QuicServerId"] = target.server_id
    return description
