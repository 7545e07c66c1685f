"""What an EC2 instance can ask about itself (IMDSv2): its region and VPC, where neither flag nor environment tells."""

from __future__ import annotations

import os
import urllib.request
from urllib.error import URLError

from aws_lb_controller.errors import AwsUnavailable

_ENDPOINT = "http://169.254.169.254"
_SECONDS = 2.0
_TOKEN_SECONDS = "300"


class InstanceMetadata:
    """The metadata service. It heeds ``AWS_EC2_METADATA_SERVICE_ENDPOINT`` and ``AWS_EC2_METADATA_DISABLED``."""

    def __init__(self, endpoint: str | None = None) -> None:
        endpoint = endpoint or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _ENDPOINT
        self._root = endpoint.rstrip("/")
        # link-local: a proxy of the environment cannot reach it
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def region(self) -> str:
        """The instance's region. Raises `AwsUnavailable` where the service cannot be asked."""
        return self._get("meta-data/placement/region")

    def vpc_id(self) -> str:
        """The VPC of the instance's first network interface. Raises `AwsUnavailable` where it cannot be asked."""
        mac = self._get("meta-data/mac")
        return self._get(f"meta-data/network/interfaces/macs/{mac}/vpc-id")

    def _get(self, path: str) -> str:
        if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            raise AwsUnavailable("InstanceMetadata", "Disabled", "AWS_EC2_METADATA_DISABLED is true")
        try:
            token = self._ask("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": _TOKEN_SECONDS})
            return self._ask("GET", path, {"X-aws-ec2-metadata-token": token})
        except (URLError, OSError) as error:
            raise AwsUnavailable("InstanceMetadata", "NoAnswer", str(error)) from error

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(f"{self._root}/latest/{path}", method=method, headers=headers)
        with self._open(request, timeout=_SECONDS) as answer:
            return str(answer.read().decode()).strip()
