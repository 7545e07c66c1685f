"""One paged look over everything that bears the cluster's tags: who owns what, and what it looks like from outside.

It costs the pages of DescribeLoadBalancers, DescribeTargetGroups and DescribeSecurityGroups, and DescribeTags for twenty
resources a call. Whose a load balancer or target group is never changes, so a later sweep asks only for the tags of what
it has not met before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from aws_lb_controller.api.names import Tag
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.wire import tags as wire_tags
from aws_lb_controller.aws.wire.tags import Json
from aws_lb_controller.errors import AwsNotFound
from aws_lb_controller.model.stack import StackId
