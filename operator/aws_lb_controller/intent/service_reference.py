"""The page ``docs/service-annotations.md``: the words around the annotation table of Services.

``python -m aws_lb_controller.intent.service_reference`` prints it; ``make docs`` puts it in its place.
"""

from __future__ import annotations

import sys

from aws_lb_controller.intent import service_annotations as table
from aws_lb_controller.intent.reference import Chapter, Reference, render

_INTRODUCTION = f"""
<!-- Made by `make docs` from operator/aws_lb_controller/intent/service_annotations.py: edit that. -->

A Service becomes a Network Load Balancer when its `spec.loadBalancerClass` is `service.k8s.aws/nlb` (the flag
`--load-balancer-class`), or, without any class, when its annotation `aws-load-balancer-type` says so. Everything else
is written in annotations, each with the prefix `{table.PREFIX}/`:

```yaml
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations:
    {table.PREFIX}/{table.SCHEME.suffix}: "{table.SCHEME.example}"
    {table.PREFIX}/{table.TARGET_TYPE.suffix}: "{table.TARGET_TYPE.example}"
spec:
  type: LoadBalancer
  loadBalancerClass: service.k8s.aws/nlb
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: 8080}}]
```

Values are text, so quote them. Booleans are `true` or `false` (also `1`, `t`, `T`, `True`, `TRUE` and their
opposites), whole numbers have no blanks around them, items of lists and pairs may have some; `\\,` is a comma inside a
pair's value.

A value that cannot be read, or that contradicts another, is a Warning `FailedBuildModel` with every problem of the
Service, and nothing in AWS is touched until it is edited. A value that is fine but has no effect (what an annotation
**needs** is not there, another one **wins**, nobody knows its name) is a Warning `IgnoredValue`.

**AWS** names the call of the ELBv2 or EC2 API, and the field of it, that the value ends up in.
"""

SERVICE_REFERENCE = Reference(
    title="Annotations of Services",
    prefix=table.PREFIX,
    introduction=_INTRODUCTION,
    chapters=(
        Chapter(heading="Which Services, which targets", annotations=(table.TYPE, table.TARGET_TYPE)),
        Chapter(
            heading="The load balancer",
            annotations=(
                table.NAME,
                table.SCHEME,
                table.INTERNAL,
                table.ATTRIBUTES,
                table.CROSS_ZONE,
                table.ACCESS_LOG_ENABLED,
                table.ACCESS_LOG_BUCKET,
                table.ACCESS_LOG_PREFIX,
                table.CAPACITY,
                table.TAGS,
            ),
        ),
        Chapter(
            heading="Subnets and addresses",
            annotations=(
                table.SUBNETS,
                table.IP_ADDRESS_TYPE,
                table.EIP_ALLOCATIONS,
                table.PRIVATE_IPV4_ADDRESSES,
                table.IPV6_ADDRESSES,
                table.PREFIX_FOR_SOURCE_NAT,
                table.SOURCE_NAT_PREFIXES,
            ),
        ),
        Chapter(
            heading="Listeners",
            introduction=(
                "Every port of the Service is a listener of its protocol, and forwards to a target group of its own."
            ),
            annotations=(
                table.SSL_CERT,
                table.SSL_PORTS,
                table.SSL_POLICY,
                table.ALPN_POLICY,
                table.BACKEND_PROTOCOL,
                table.TCP_UDP,
                table.QUIC_PORTS,
                table.LISTENER_ATTRIBUTES,
                table.ACTIONS,
            ),
        ),
        Chapter(
            heading="Target groups",
            annotations=(
                table.TARGET_GROUP_ATTRIBUTES,
                table.PROXY_PROTOCOL,
                table.PROXY_PROTOCOL_PORTS,
                table.TARGET_NODE_LABELS,
                table.MULTI_CLUSTER,
            ),
        ),
        Chapter(
            heading="Health checks",
            introduction="They hold for every target group of the Service.",
            annotations=(
                table.HEALTH_CHECK_PROTOCOL,
                table.HEALTH_CHECK_PORT,
                table.HEALTH_CHECK_PATH,
                table.SUCCESS_CODES,
                table.HEALTH_CHECK_INTERVAL,
                table.HEALTH_CHECK_TIMEOUT,
                table.HEALTHY_THRESHOLD,
                table.UNHEALTHY_THRESHOLD,
            ),
        ),
        Chapter(
            heading="Access",
            introduction=(
                "A load balancer has a security group that is managed for it, and one that all share, by which the "
                "targets' groups know it; or groups of your own; or none."
            ),
            annotations=(
                table.SOURCE_RANGES,
                table.PREFIX_LISTS,
                table.ICMP,
                table.SECURITY_GROUPS,
                table.MANAGE_BACKEND_RULES,
                table.DISABLE_SECURITY_GROUP,
                table.PRIVATE_LINK_RULES,
            ),
        ),
    ),
)


def service_reference() -> str:
    """The page, as Markdown."""
    return render(SERVICE_REFERENCE, table.TABLE)


if __name__ == "__main__":
    sys.stdout.write(service_reference())
