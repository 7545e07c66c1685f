"""The page ``docs/ingress-annotations.md``: the words around the annotation table of Ingresses.

``python -m aws_lb_controller.intent.ingress_reference`` prints it; ``make docs`` puts it in its place.
"""

from __future__ import annotations

import sys

from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.annotations import Annotation
from aws_lb_controller.intent.reference import Chapter, Reference, render

_INTRODUCTION = f"""
<!-- Made by `make docs` from operator/aws_lb_controller/intent/ingress_annotations.py: edit that. -->

An Ingress becomes an Application Load Balancer when its class is one of the controller `ingress.k8s.aws/alb`. What
`spec` has no word for is written in annotations, each with the prefix `{table.PREFIX}/`:

```yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    {table.PREFIX}/{table.SCHEME.suffix}: "{table.SCHEME.example}"
    {table.PREFIX}/{table.TARGET_TYPE.suffix}: "{table.TARGET_TYPE.example}"
spec:
  ingressClassName: alb
  rules:
    - host: shop.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {{service: {{name: web, port: {{number: 80}}}}}}
```

Values are text, so quote them. Booleans are `true` or `false` (also `1`, `t`, `T`, `True`, `TRUE` and their
opposites), whole numbers have no blanks around them, items of lists and pairs may have some; `\\,` is a comma inside a
pair's value. In JSON the case of keys does not matter.

**On a Service**: annotations about targets and sign-in may stand on the Service behind the Ingress too, where this is
said; all others have an effect on the Ingress only. **In a group** (`group.name`) members share one load balancer, in
the order of `group.order`, then of namespace and name; where they must have one value and do not, that of the first
holds, and the others are told. **Class parameters**: what the IngressClassParams of the class say wins over Ingress and
Service: see [its page](ingress-class-params.md).

A value that cannot be read, or that contradicts another, is a Warning `FailedBuildModel` with every problem of the
Ingress: what it had in AWS stays as it was until it is edited, and the other members of its group go on. A value that
is fine but has no effect (what an annotation **needs** is not there, another one **wins**, nobody knows its name, or a
key of its JSON) is a Warning `IgnoredValue`.

**AWS** names the call of the ELBv2, EC2 or another API, and the field of it, that the value ends up in.
"""


def _beginning(start: str) -> tuple[Annotation[str], ...]:
    return tuple(annotation for suffix, annotation in table.TABLE.items() if suffix.startswith(start))


INGRESS_REFERENCE = Reference(
    title="Annotations of Ingresses",
    prefix=table.PREFIX,
    introduction=_INTRODUCTION,
    chapters=(
        Chapter(heading="Groups", annotations=(table.GROUP_NAME, table.GROUP_ORDER)),
        Chapter(
            heading="The load balancer",
            annotations=(
                table.LOAD_BALANCER_NAME,
                table.SCHEME,
                table.IP_ADDRESS_TYPE,
                table.SUBNETS,
                table.CUSTOMER_OWNED_POOL,
                table.IPAM_POOL,
                table.LOAD_BALANCER_ATTRIBUTES,
                table.CAPACITY,
                table.TAGS,
            ),
        ),
        Chapter(
            heading="Listeners",
            annotations=(
                table.LISTEN_PORTS,
                table.SSL_REDIRECT,
                table.CERTIFICATE_ARN,
                table.SSL_POLICY,
                table.MUTUAL_AUTHENTICATION,
                table.LISTENER_ATTRIBUTES,
                *_beginning("create-acm"),
                *_beginning("acm-"),
            ),
        ),
        Chapter(
            heading="Rules",
            introduction=(
                "Every path of `spec.rules` is a rule on each of the Ingress's listeners. Of one host, paths of type "
                "Exact come first, as written, then those of type Prefix, the longest first, then the others, as "
                "written."
            ),
            annotations=(table.ACTIONS, table.CONDITIONS, table.TRANSFORMS, table.USE_REGEX_PATH_MATCH),
        ),
        Chapter(
            heading="Target groups",
            introduction="Every port of a Service that a rule of the Ingress names has a target group of its own.",
            annotations=(
                table.TARGET_TYPE,
                table.BACKEND_PROTOCOL,
                table.BACKEND_PROTOCOL_VERSION,
                table.TARGET_GROUP_ATTRIBUTES,
                table.TARGET_NODE_LABELS,
                table.TARGET_CONTROL_PORT,
                table.MULTI_CLUSTER,
            ),
        ),
        Chapter(
            heading="Health checks",
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
                "targets' groups know it; or groups of your own."
            ),
            annotations=(
                table.INBOUND_CIDRS,
                table.PREFIX_LISTS,
                table.SECURITY_GROUPS,
                table.MANAGE_BACKEND_RULES,
            ),
        ),
        Chapter(
            heading="Authentication",
            introduction=(
                "Users sign in, or tokens are checked, on HTTPS listeners only. On a Service these annotations hold "
                "for backends that name the Service, alone: not where an action forwards to several."
            ),
            annotations=(*_beginning("auth-"), *_beginning("jwt-")),
        ),
        Chapter(
            heading="Firewall and Shield",
            introduction="Without these annotations, what others have set in AWS stays as it is.",
            annotations=(*_beginning("wafv2-"), *_beginning("waf-"), *_beginning("web-"), *_beginning("shield-")),
        ),
        Chapter(
            heading="Frontend NLB",
            introduction=(
                "A Network Load Balancer before the Application Load Balancer gives it fixed addresses, or makes it "
                "reachable by PrivateLink. It is named like the other, with `-nlb` behind."
            ),
            annotations=(*_beginning("enable-frontend"), *_beginning("frontend-")),
        ),
        Chapter(heading="Dry runs", annotations=_beginning("dry-run")),
    ),
)


def ingress_reference() -> str:
    """The page, as Markdown."""
    return render(INGRESS_REFERENCE, table.TABLE)


if __name__ == "__main__":
    sys.stdout.write(ingress_reference())
