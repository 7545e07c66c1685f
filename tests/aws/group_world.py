"""An IngressGroup in the simulated world, whose every part in AWS can be told to be one member's.

Whose a rule is stands in its path or host (``/NAME/…``, ``….NAME.example``); whose a target group or binding is, in its
resource tag and labels. What was sent to AWS is kept with its parameters and with how AWS answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.models import botocore_stubber

from aws_lb_controller.api.names import GROUP_CONFIG_MAP_PREFIX
from aws_lb_controller.aws.clients import is_read
from aws_lb_controller.cluster.kinds import CONFIG_MAP, INGRESS, SERVICE, TARGET_GROUP_BINDING
from builders_kube import a_port, a_service
from simulated_cluster import Obj
from simulation import Answer, Simulation, Told, Wire

ALB = "alb.ingress.kubernetes.io"
GROUP = "games"
MEMORY = CONFIG_MAP.path_of("kube-system", GROUP_CONFIG_MAP_PREFIX + GROUP)


def a_backend_service(name: str, *, type: str = "NodePort", ports: Iterable[int] = (80,), **spec: Any) -> Obj:
    """A Service without pods and without a load balancer of its own."""
    return a_service(
        name,
        type=type,
        loadBalancerClass=None,
        selector={"app": name},
        ports=[a_port(port, name=f"p{port}") for port in ports],
        **spec,
    )


def an_issued_certificate(aws: Any, domain: str) -> str:
    """The ARN of a certificate in ACM."""
    acm = aws.session.client("acm")
    arn: str = acm.request_certificate(DomainName=domain)["CertificateArn"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moto.settings.ACM_VALIDATION_WAIT", -1)
        acm.describe_certificate(CertificateArn=arn)  # moto issues it when it is looked at after a while
    return arn


@dataclass(frozen=True)
class Sent:
    """A mutation, with its parameters as they went over the wire (``Member.1.Key`` → text)."""

    operation: str
    parameters: Mapping[str, str]
    accepted: bool

    def paths(self) -> list[str]:
        """The path patterns that it gives a rule."""
        return [text for key, text in self.parameters.items() if ".PathPatternConfig.Values" in key]

    def names(self, *ids: str) -> bool:
        """Whether any of these is what the call is about or leads to."""
        return bool(set(self.parameters.values()) & set(ids))


@dataclass
class RecordingWire(Wire):
    """refuse: answers in AWS's place with an error code, None where AWS is asked. after: called after each mutation."""

    sent: list[Sent] = field(default_factory=list)
    refuse: Callable[[str, Mapping[str, str]], str | None] = lambda _operation, _parameters: None
    after: Callable[[Sent], None] = lambda _sent: None

    def clear(self) -> None:
        super().clear()
        self.sent.clear()

    def __call__(self, *, event_name: str, request: Any, **more: Any) -> Answer:
        operation = event_name.rpartition(".")[2]
        if is_read(operation):
            return super().__call__(event_name=event_name, request=request, **more)
        self.operations.append(operation)
        body = request.body.decode() if isinstance(request.body, bytes) else request.body or ""
        parameters = dict(parse_qsl(body, keep_blank_values=True))
        code = self.refuse(operation, parameters)
        answer = botocore_stubber(event_name, request) if code is None else a_refusal(code)
        sent = Sent(operation, parameters, accepted=answer is not None and answer.status_code < 300)
        self.sent.append(sent)
        self.after(sent)
        return answer


def a_refusal(code: str) -> AWSResponse:
    """AWS's answer in the query protocol."""
    text = f"<ErrorResponse><Error><Code>{code}</Code><Message>AWS will not have it</Message></Error></ErrorResponse>"
    return AWSResponse("http://aws", 400, HTTPHeaders(), _Body(text.encode()))


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


@dataclass(frozen=True)
class Belongings:
    """What is one member's in AWS and in the cluster: rules in order and target groups by ARN, bindings by path."""

    rules: tuple[tuple[str, str], ...]
    target_groups: Mapping[str, str]
    bindings: Mapping[str, str]

    @property
    def arns(self) -> tuple[str, ...]:
        return (*(arn for arn, _ in self.rules), *self.target_groups)


NOTHING = Belongings(rules=(), target_groups={}, bindings={})


class GroupWorld:
    """The group `games` in namespace shop, and what users and AWS do with it."""

    def __init__(self, aws: Any, **settings: Any) -> None:
        self.aws = aws
        self.world = Simulation(aws)
        self.world.wire = self.wire = RecordingWire()
        if settings:
            self.world._settings = self.world._settings.model_copy(update=settings)
            self.world.restart()
        self.cluster = self.world.cluster
        self._certificate = ""

    # ---- users

    def ingress(self, name: str) -> Obj:
        return self.cluster.get(INGRESS, "shop", name)

    def annotate(self, name: str, **annotations: str | None) -> None:
        """Underscores in the names stand for hyphens, double ones for dots."""
        keys = {f"{ALB}/{k.replace('__', '.').replace('_', '-')}": text for k, text in annotations.items()}
        self.cluster.annotate(INGRESS, "shop", name, keys)

    def edit_service(self, name: str, **spec: Any) -> None:
        self.cluster.edit(SERVICE, "shop", name, {"spec": spec})

    def edit_path(self, name: str, old: str, new: str) -> None:
        """One path of an Ingress is another."""
        ingress = self.ingress(name)
        rules = json.loads(json.dumps(ingress["spec"]["rules"]).replace(f'"{old}"', f'"{new}"'))
        assert rules != ingress["spec"]["rules"]
        self.cluster.edit(INGRESS, "shop", name, {"spec": {"rules": rules}})

    def delete(self, name: str) -> None:
        self.cluster.delete(INGRESS, "shop", name)

    def exists(self, name: str) -> bool:
        return INGRESS.path_of("shop", name) in self.cluster.api.objects

    def run(self) -> None:
        self.forget_what_happened()
        self.world.run()

    def restart(self) -> None:
        """A new process, which looks at everything."""
        self.world.restart()
        self.run()

    def forget_what_happened(self) -> None:
        self.wire.clear()
        self.world.events.told.clear()
        self.world.wrong.clear()
        self.cluster.api.requests.clear()

    def certificate(self) -> str:
        """The ARN of the one certificate of *.example.com."""
        return self._certificate or self._issue()

    def _issue(self) -> str:
        self._certificate = an_issued_certificate(self.aws, "*.example.com")
        return self._certificate

    # ---- what was told and sent

    def warnings(self) -> list[Told]:
        """Of what failed; what is only passed over is no failure."""
        return [one for one in self.world.events.warnings() if one.reason != "IgnoredValue"]

    def warned(self) -> set[str]:
        """The names of Ingresses that were."""
        return {one.object.removeprefix("Ingress shop/") for one in self.warnings()}

    def warned_of(self, name: str) -> str:
        """The one text that an Ingress was warned with."""
        (text,) = {one.message for one in self.warnings() if one.object == f"Ingress shop/{name}"}
        return text

    def changes(self) -> list[Sent]:
        """Mutations that AWS accepted."""
        return [sent for sent in self.wire.sent if sent.accepted]

    def operations(self) -> list[str]:
        return [sent.operation for sent in self.changes()]

    def binding_writes(self) -> set[str]:
        """Paths of the TargetGroupBindings that were written, but for their status."""
        writes = {path for method, path in self.cluster.api.requests if method in ("PUT", "PATCH", "DELETE", "POST")}
        return {path for path in writes if TARGET_GROUP_BINDING.plural in path and not path.endswith("/status")}

    # ---- what there is

    def balancers(self) -> list[Obj]:
        return self.aws.elbv2.describe_load_balancers()["LoadBalancers"]

    def balancer(self) -> Obj:
        (balancer,) = self.balancers()
        return balancer

    def listeners(self) -> dict[int, Obj]:
        """By port."""
        arn = self.balancer()["LoadBalancerArn"]
        return {one["Port"]: one for one in self.aws.elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]}

    def rules(self) -> list[Obj]:
        """Those of all listeners, by port and priority."""
        found: list[Obj] = []
        for _, listener in sorted(self.listeners().items()):
            pages = self.aws.elbv2.get_paginator("describe_rules").paginate(ListenerArn=listener["ListenerArn"])
            rules = pages.build_full_result()["Rules"]
            own = [rule for rule in rules if not rule["IsDefault"]]
            found += sorted(own, key=lambda rule: int(rule["Priority"]))
        return found

    def attributes(self) -> dict[str, str]:
        arn = self.balancer()["LoadBalancerArn"]
        described = self.aws.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {one["Key"]: one["Value"] for one in described}

    def tags(self, arn: str) -> dict[str, str]:
        (described,) = self.aws.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        return {one["Key"]: one["Value"] for one in described["Tags"]}

    def shared_things(self) -> Obj:
        """The load balancer and its listeners, without rules."""
        keep = ("Port", "Protocol", "SslPolicy", "ListenerArn", "Certificates", "DefaultActions")
        balancer = self.balancer()
        groups = self.aws.ec2.describe_security_groups(GroupIds=balancer["SecurityGroups"])["SecurityGroups"]
        return {
            "balancer": {key: value for key, value in balancer.items() if key != "State"},
            "attributes": self.attributes(),
            "tags": self.tags(balancer["LoadBalancerArn"]),
            "listeners": {p: {k: x[k] for k in keep if k in x} for p, x in self.listeners().items()},
            "certificates": {
                port: sorted(
                    (c["CertificateArn"], c["IsDefault"])
                    for c in self.aws.elbv2.describe_listener_certificates(ListenerArn=x["ListenerArn"])["Certificates"]
                )
                for port, x in self.listeners().items()
                if x["Protocol"] == "HTTPS"
            },
            "access": {group["GroupName"]: _as_set(group["IpPermissions"]) for group in groups},
        }

    def belongings(self, name: str) -> Belongings:
        """What is a member's now."""
        rules = [rule for rule in self.rules() if self.owner(rule) == name]
        tags = self._tags_of([rule["RuleArn"] for rule in rules])
        groups = self.aws.elbv2.get_paginator("describe_target_groups").paginate().build_full_result()["TargetGroups"]
        resources = self._tags_of([group["TargetGroupArn"] for group in groups])
        mine = [g for g in groups if _resource(resources[g["TargetGroupArn"]]).startswith(f"shop/{name}-")]
        arns = {group["TargetGroupArn"] for group in mine}
        return Belongings(
            rules=tuple(
                (rule["RuleArn"], _text({**rule, "Priority": "", **_without_place(tags[rule["RuleArn"]])}))
                for rule in rules
            ),
            target_groups={group["TargetGroupArn"]: _text(self._described(group)) for group in mine},
            bindings={
                path: _text([obj["spec"], obj["metadata"]["labels"]])
                for path, obj in self.cluster.api.objects.items()
                if obj["kind"] == TARGET_GROUP_BINDING.kind and obj["spec"]["targetGroupARN"] in arns
            },
        )

    def paths(self, name: str) -> list[str]:
        """The first path pattern of each rule of a member, in order."""
        return [_patterns(rule)[0] for rule in self.rules() if self.owner(rule) == name]

    @staticmethod
    def owner(rule: Obj) -> str:
        """The member whose rule it is."""
        patterns = _patterns(rule)
        return patterns[0].split("/")[1] if patterns else ""

    def _described(self, group: Obj) -> Obj:
        arn = group["TargetGroupArn"]
        attributes = self.aws.elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        return {**group, "LoadBalancerArns": [], "attributes": attributes, "tags": self.tags(arn)}

    def _tags_of(self, arns: list[str]) -> dict[str, dict[str, str]]:
        described: list[Obj] = []
        for start in range(0, len(arns), 20):
            part = arns[start : start + 20]
            described += self.aws.elbv2.describe_tags(ResourceArns=part)["TagDescriptions"]
        return {one["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in described}

    # ---- what remains of it

    def memory(self) -> Mapping[str, str] | None:
        """The ConfigMap's data, None where there is none."""
        held = self.cluster.api.objects.get(MEMORY)
        return None if held is None else held["binaryData"]


def _patterns(rule: Obj) -> list[str]:
    return [
        value
        for condition in rule["Conditions"]
        if condition["Field"] == "path-pattern"
        for value in condition["PathPatternConfig"].get("Values") or ()
    ]


def _resource(tags: Mapping[str, str]) -> str:
    return tags.get("ingress.k8s.aws/resource", "")


def _without_place(tags: Mapping[str, str]) -> dict[str, str]:
    """A rule's tags but for the one that says its priority."""
    return {key: value for key, value in tags.items() if key != "ingress.k8s.aws/resource"}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _as_set(permissions: Iterable[Obj]) -> list[str]:
    return sorted(_text({key: value for key, value in one.items() if value}) for one in permissions)
