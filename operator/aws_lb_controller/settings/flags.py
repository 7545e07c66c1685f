"""The table of all command-line flags: each is a field of `Settings`, its name with dashes for underscores.

A field's annotation says how its value is spelt (`readers`), its description is the help. Flags, defaults and spellings
are those of the controller we replace, so that a command line written for it starts this one. What is wrong with a
command line is said in one line, as a `UsageError`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticUndefined

from aws_lb_controller.errors import UsageError
from aws_lb_controller.settings import command_line, gates, readers
from aws_lb_controller.settings.gates import FeatureGates
from aws_lb_controller.settings.readers import ListenAddress, Reader, Throttle, ThrottleRule

Text = Annotated[str, Reader("string", str)]
OptionalText = Annotated[str | None, Reader("string", readers.read_text_or_none, show=readers.show_text_or_none)]
Namespace = Annotated[str | None, Reader("string", readers.read_namespace, show=readers.show_text_or_none)]
SecurityGroupId = Annotated[str | None, Reader("string", readers.starting_with("sg-"), show=readers.show_text_or_none)]
VpcId = Annotated[str | None, Reader("string", readers.starting_with("vpc-"), show=readers.show_text_or_none)]
Label = Annotated[tuple[str, str] | None, Reader("key=value", readers.read_label, show=readers.show_label)]
TargetType = Annotated[Literal["instance", "ip"], Reader("string", readers.one_of("instance", "ip"))]
Scheme = Annotated[
    Literal["internal", "internet-facing"], Reader("string", readers.one_of("internal", "internet-facing"))
]
Switch = Annotated[bool, Reader("boolean", readers.read_switch, bare="true", show=readers.show_switch)]
Workers = Annotated[int, Reader("int", readers.at_least(1))]
Count = Annotated[int, Reader("int", readers.whole_number(0))]
NoneOrMore = Annotated[int, Reader("int", readers.at_least(0))]
WEBHOOK_PORT = 9443
WebhookPort = Annotated[int, Reader("int", readers.port_or(WEBHOOK_PORT))]
Delay = Annotated[timedelta, Reader("duration", readers.duration(), show=readers.show_duration)]
DelayOrNever = Annotated[timedelta, Reader("duration", readers.duration(zero=True), show=readers.show_duration)]
Texts = Annotated[
    tuple[str, ...], Reader("stringList", readers.read_list, merge=readers.concatenated, show=readers.show_list)
]
TextMap = Annotated[
    Mapping[str, str], Reader("stringMap", readers.read_map, merge=readers.merged, show=readers.show_map)
]
Endpoints = Annotated[
    Mapping[str, str], Reader("stringMap", readers.read_endpoints, merge=readers.merged, show=readers.show_map)
]
AwsThrottle = Annotated[
    Throttle, Reader("throttle", readers.read_throttle, merge=readers.merged, show=readers.show_throttle)
]
Gates = Annotated[
    FeatureGates,
    Reader("stringMap", gates.read_feature_gates, merge=gates.merge_feature_gates, show=gates.show_feature_gates),
]
LOG_LEVELS = ("info", "debug")
CERTIFICATES = "/tmp/k8s-webhook-server/serving-certs"  # where the chart mounts them
Folder = Annotated[str, Reader("string", readers.text_or(CERTIFICATES))]
CertificateFile = Annotated[str, Reader("string", readers.text_or("tls.crt"))]
KeyFile = Annotated[str, Reader("string", readers.text_or("tls.key"))]
METRICS = ListenAddress(host="", port=8080)
HEALTH = ListenAddress(host="", port=61779)
MetricsAddress = Annotated[
    ListenAddress | None, Reader("string", readers.listen_address(empty=METRICS), show=readers.show_address)
]
HealthAddress = Annotated[
    ListenAddress | None, Reader("string", readers.listen_address(empty=None), show=readers.show_address)
]

_WAF_THROTTLE = (
    ThrottleRule(re.compile("^AssociateWebACL|^DisassociateWebACL"), rate=0.5, burst=1),
    ThrottleRule(re.compile("^GetWebACLForResource|^ListResourcesForWebACL"), rate=1, burst=1),
)
DEFAULT_THROTTLE: Throttle = {
    "WAF Regional": _WAF_THROTTLE,
    "WAFV2": _WAF_THROTTLE,
    # AWS gives an account and region 40 ELBv2 reads, refilled by 10 a second: more would only be refused
    "Elastic Load Balancing v2": (
        ThrottleRule(re.compile("^RegisterTargets|^DeregisterTargets"), rate=4, burst=20),
        ThrottleRule(re.compile("^Describe.*"), rate=10, burst=40),
        ThrottleRule(re.compile("^Modify.*"), rate=3, burst=20),
    ),
}

TRACKING_TAGS = frozenset(
    {"elbv2.k8s.aws/cluster", "elbv2.k8s.aws/resource"}
    | {f"{owner}.k8s.aws/{what}" for owner in ("ingress", "service") for what in ("stack", "resource")}
    | {f"gateway.k8s.aws.{owner}/{what}" for owner in ("alb", "nlb") for what in ("stack", "resource")}
)
"""Keys of the tags by which the controller finds what is its own: users may not set them."""

_GATEWAY = "the Gateway API is not served"
_ACCELERATOR = "Global Accelerators are not managed"
_CERTIFICATES = "certificates are not requested yet"
FLAGS_WITHOUT_EFFECT: Mapping[str, str] = {
    "alb-gateway-max-concurrent-reconciles": _GATEWAY,
    "aws-vpc-tag-key": "it is deprecated: every tag of --aws-vpc-tags counts",
    "default-pca-arn": _CERTIFICATES,
    "enable-endpoint-slices": "EndpointSlices are always used",
    "gateway-class-max-concurrent-reconciles": _GATEWAY,
    "globalaccelerator-max-concurrent-reconciles": _ACCELERATOR,
    "globalaccelerator-max-exponential-backoff-delay": _ACCELERATOR,
    "nlb-gateway-max-concurrent-reconciles": _GATEWAY,
}
"""Flags that change nothing here, and why."""

GATES_ALWAYS_OFF: Mapping[str, str] = {
    "ALBGatewayAPI": _GATEWAY,
    "EnableCertificateManagement": _CERTIFICATES,
    "EnableRGTAPI": "tags are always read through ELBv2",
    "GatewayListenerSet": _GATEWAY,
    "GlobalAcceleratorController": _ACCELERATOR,
    "IngressPlanAnnotation": "plans are not written into annotations yet",
    "NLBGatewayAPI": _GATEWAY,
}
"""Feature gates that cannot be turned on here, and why."""


class HelpRequested(Exception):
    """The command line asks for the help; the exception's text is it."""


class Settings(BaseModel):
    """What the command line says, every flag with its value.

    given: the flags that were typed; remarks: a line on each word that is no flag. Raises `UsageError` where flags
    contradict each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    given: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()

    alb_gateway_max_concurrent_reconciles: Workers = Field(
        default=3, description="How many Gateways with application load balancers are reconciled at once."
    )
    allowed_certificate_authority_arns: Texts = Field(
        default=(), description="Private certificate authorities whose certificates may be found by host; all if empty."
    )
    aws_api_endpoints: Endpoints = Field(
        default={}, description="URLs at which to call AWS services: serviceID=URL,serviceID=URL."
    )
    aws_api_throttle: AwsThrottle = Field(
        default=DEFAULT_THROTTLE,
        description="Limits on our AWS calls: serviceID:operationRegex=rate:burst,...; replaces a service's limits.",
    )
    aws_max_retries: Count = Field(default=10, description="How often one AWS call is tried, at most; 0 for no limit.")
    aws_region: OptionalText = Field(
        default=None, description="AWS region of the cluster; asked of the instance metadata if not given."
    )
    aws_vpc_id: VpcId = Field(
        default=None,
        description="VPC of the cluster; found by --aws-vpc-tags or the instance metadata if not given.",
    )
    aws_vpc_tag_key: Text = Field(default="Name", description="Deprecated and ignored.")
    aws_vpc_tags: TextMap = Field(
        default={}, description="Tags by which to find the cluster's VPC, all of which must match: key=value,key=value."
    )
    backend_security_group: SecurityGroupId = Field(
        default=None,
        description="Security group from which load balancers reach the targets; made for the cluster if not given.",
    )
    cluster_name: Text = Field(
        description="Name of the Kubernetes cluster, as in the tags of its AWS resources. Required."
    )
    default_load_balancer_scheme: Scheme = Field(
        default="internal",
        description="Scheme of load balancers whose object names none: internal or internet-facing.",
    )
    default_pca_arn: OptionalText = Field(
        default=None,
        description="Private certificate authority that issues requested certificates unless told otherwise.",
    )
    default_ssl_policy: Text = Field(
        default="ELBSecurityPolicy-2016-08", description="Security policy of TLS listeners whose object names none."
    )
    default_tags: TextMap = Field(
        default={}, description="Tags on every AWS resource that the controller makes: key=value,key=value."
    )
    default_target_type: TargetType = Field(
        default="instance", description="Target type where the object names none: instance or ip."
    )
    disable_ingress_class_annotation: Switch = Field(
        default=False, description="Refuse new uses of the annotation kubernetes.io/ingress.class."
    )
    disable_ingress_group_name_annotation: Switch = Field(
        default=False, description="Refuse new uses of the annotation alb.ingress.kubernetes.io/group.name."
    )
    disable_restricted_sg_rules: Switch = Field(
        default=False, description="Open all ports of the targets to load balancers, not only those in use."
    )
    enable_backend_security_group: Switch = Field(
        default=True, description="Let load balancers share one security group towards the targets."
    )
    enable_endpoint_slices: Switch = Field(default=True, description="Find pods by EndpointSlices, not by Endpoints.")
    enable_leader_election: Switch = Field(default=True, description="Let only one of several replicas act at a time.")
    enable_manage_backend_security_group_rules: Switch = Field(
        default=False,
        description="Open the targets also to load balancers whose security groups are given by the user.",
    )
    enable_pod_readiness_gate_inject: Switch = Field(
        default=True, description="Give new pods in labelled namespaces a readiness gate for their targets' health."
    )
    enable_shield: Switch = Field(default=True, description="Manage AWS Shield Advanced for Ingresses.")
    enable_waf: Switch = Field(default=True, description="Manage AWS WAF Classic for Ingresses.")
    enable_wafv2: Switch = Field(default=True, description="Manage AWS WAF (v2) for Ingresses.")
    external_managed_tags: Texts = Field(
        default=(), description="Keys of tags on AWS resources that others set and the controller leaves alone."
    )
    feature_gates: Gates = Field(
        default=FeatureGates(), description="Features to turn on and off: NAME=true,NAME=false. They are listed below."
    )
    gateway_class_max_concurrent_reconciles: Workers = Field(
        default=3, description="How many GatewayClasses are reconciled at once."
    )
    globalaccelerator_max_concurrent_reconciles: Workers = Field(
        default=1, description="How many GlobalAccelerators are reconciled at once."
    )
    globalaccelerator_max_exponential_backoff_delay: Delay = Field(
        default=timedelta(seconds=1000), description="Longest pause before a failed GlobalAccelerator is tried again."
    )
    health_probe_bind_addr: HealthAddress = Field(
        default=HEALTH, description="Address of the health probes /healthz and /readyz; 0 for none."
    )
    ingress_class: Text = Field(
        default="alb",
        description="Value of the annotation kubernetes.io/ingress.class that makes an Ingress ours; "
        "if empty, alb and no class at all.",
    )
    ingress_max_concurrent_reconciles: Workers = Field(
        default=3, description="How many groups of Ingresses are reconciled at once."
    )
    kube_ca_pem_filepath: OptionalText = Field(
        default=None, description="File with the CA that callers of the webhooks must present a certificate of."
    )
    kubeconfig: OptionalText = Field(
        default=None, description="File that says how to reach the cluster; the pod's own access if not given."
    )
    lb_stabilization_monitor_interval: Delay = Field(
        default=timedelta(minutes=2), description="Pause between looks at a load balancer that is not active yet."
    )
    leader_election_id: Text = Field(
        default="aws-load-balancer-controller-leader", description="Name of the Lease by which replicas agree."
    )
    leader_election_namespace: Namespace = Field(
        default=None, description="Namespace of that Lease; the pod's own if not given."
    )
    load_balancer_class: Text = Field(
        default="service.k8s.aws/nlb", description="The spec.loadBalancerClass that makes a Service ours."
    )
    log_level: Text = Field(default="info", description="How much is logged: info or debug.")
    max_targets_per_target_group: NoneOrMore = Field(
        default=0, description="Register at most this many targets in one target group; 0 for no limit."
    )
    metrics_bind_addr: MetricsAddress = Field(
        default=METRICS, description="Address of the Prometheus metrics; 0 for none."
    )
    nlb_gateway_max_concurrent_reconciles: Workers = Field(
        default=3, description="How many Gateways with network load balancers are reconciled at once."
    )
    quic_environment_variable_name: Text = Field(
        default="AWS_LBC_QUIC_SERVER_ID",
        description="Environment variable in which pods behind QUIC listeners find their server id.",
    )
    required_secrets_label: Label = Field(
        default=None, description="Label that a Secret must carry to be read: key=value; none if not given."
    )
    service_max_concurrent_reconciles: Workers = Field(
        default=3, description="How many Services are reconciled at once."
    )
    service_target_eni_security_group_tags: TextMap = Field(
        default={},
        description="Tags that, with the cluster's own, tell which of a target's security groups to open.",
    )
    sync_period: DelayOrNever = Field(
        default=timedelta(hours=10), description="Pause between rounds in which everything is checked; 0 for none."
    )
    targetgroupbinding_max_concurrent_reconciles: Workers = Field(
        default=3, description="How many TargetGroupBindings are reconciled at once."
    )
    targetgroupbinding_max_exponential_backoff_delay: Delay = Field(
        default=timedelta(seconds=1000), description="Longest pause before a failed TargetGroupBinding is tried again."
    )
    targetgroupbinding_requeue_duration: Delay = Field(
        default=timedelta(seconds=15),
        description="Pause before a TargetGroupBinding that waits for AWS is looked at again.",
    )
    tolerate_non_existent_backend_action: Switch = Field(
        default=True, description="Answer 503 where an Ingress names an action annotation that is missing."
    )
    tolerate_non_existent_backend_service: Switch = Field(
        default=True, description="Answer 503 where an Ingress names a Service that is missing."
    )
    watch_namespace: Namespace = Field(
        default=None, description="The one namespace whose objects are served; all if not given."
    )
    webhook_bind_port: WebhookPort = Field(default=WEBHOOK_PORT, description="Port of the webhooks.")
    webhook_cert_dir: Folder = Field(default=CERTIFICATES, description="Folder of the webhooks' certificate and key.")
    webhook_cert_file: CertificateFile = Field(default="tls.crt", description="File of the certificate in that folder.")
    webhook_key_file: KeyFile = Field(default="tls.key", description="File of the key in that folder.")

    @classmethod
    def from_args(cls, argv: Sequence[str]) -> Settings:
        """Reads the arguments after the program's name.

        Raises `UsageError` with one line for the person who typed them, `HelpRequested` for ``--help``.
        """
        if command_line.wants_help(argv):
            raise HelpRequested(help_text())
        line = command_line.parse(argv, READERS)
        fields = {field_of(flag): value for flag, value in line.values.items()}
        typed = {"given": frozenset(line.values), "remarks": tuple(line.remarks)}
        return cls.model_validate({"cluster_name": "", **fields, **typed})

    def warnings(self) -> tuple[str, ...]:
        """One line for each word, flag and feature gate that was given, asks for something, and has no effect here."""
        flags = [
            f"--{flag} has no effect: {FLAGS_WITHOUT_EFFECT[flag]}"
            for flag in sorted(self.given & FLAGS_WITHOUT_EFFECT.keys())
            if getattr(self, field_of(flag)) != type(self).model_fields[field_of(flag)].default
        ]
        refused = [
            f"--feature-gates={gate}=true has no effect: {GATES_ALWAYS_OFF[gate]}"
            for gate, on in gates.given_values(self.feature_gates).items()
            if on and gate in GATES_ALWAYS_OFF
        ]
        return (*self.remarks, *self._remarks_on_values(), *flags, *refused)

    def _remarks_on_values(self) -> Iterator[str]:
        if self.log_level not in LOG_LEVELS:
            levels = " and ".join(LOG_LEVELS)
            yield f"--log-level={self.log_level} has no effect: there are {levels}, and info is used"

    @field_validator("aws_api_throttle")
    @classmethod
    def _keep_the_limits_of_other_services(cls, given: Throttle) -> Throttle:
        return {**DEFAULT_THROTTLE, **given}

    @model_validator(mode="after")
    def _check_that_flags_agree(self) -> Settings:
        if not self.cluster_name:
            raise UsageError("--cluster-name: must be given: the name of the Kubernetes cluster")
        if self.enable_manage_backend_security_group_rules and not self.enable_backend_security_group:
            raise UsageError(
                "--enable-manage-backend-security-group-rules=true: needs --enable-backend-security-group=true"
            )
        self._check_tags(
            "default-tags", self.default_tags, TRACKING_TAGS, "the controller finds its own resources by it"
        )
        self._check_tags("external-managed-tags", self.external_managed_tags, TRACKING_TAGS, "the controller sets it")
        self._check_tags(
            "external-managed-tags", self.external_managed_tags, self.default_tags, "--default-tags sets it"
        )
        return self

    @staticmethod
    def _check_tags(flag: str, keys: Iterable[str], taken: Container[str], reason: str) -> None:
        for key in keys:
            if key in taken:
                raise UsageError(f"--{flag}={key}: this tag's key may not stand here: {reason}")


def flag_of(field: str) -> str:
    """The flag (without dashes) that fills a field of `Settings`."""
    return field.replace("_", "-")


def field_of(flag: str) -> str:
    """The field of `Settings` that a flag (without dashes) fills."""
    return flag.replace("-", "_")


def _reader(metadata: Iterable[Any]) -> Reader[Any]:
    return next(m for m in metadata if isinstance(m, Reader))


READERS: Mapping[str, Reader[Any]] = {
    flag_of(name): _reader(field.metadata) for name, field in Settings.model_fields.items() if field.metadata
}
"""Flag (without dashes) -> how its value is read."""


def default_of(flag: str) -> str:
    """A flag's default as it would be typed, "" where there is none."""
    default = Settings.model_fields[field_of(flag)].default
    return "" if default is PydanticUndefined else READERS[flag].show(default)


def help_text() -> str:
    """The whole help: every flag and every feature gate, with kind, default, meaning, and what has no effect here."""
    flags = [_flag_help(flag) for flag in sorted(READERS)]
    switches = [
        command_line.described(
            gate,
            kind="boolean",
            default=readers.show_switch(field.default),
            text=_with_effect(field.description, GATES_ALWAYS_OFF.get(gate)),
        )
        for gate, field in sorted((f.alias, f) for f in FeatureGates.model_fields.values() if f.alias)
    ]
    usage = "Usage: aws-lb-controller --cluster-name=NAME [--flag=value ...]"
    return "\n".join([usage, "", "Flags:", *flags, "", "Feature gates:", *switches, ""])


def _flag_help(flag: str) -> str:
    text = _with_effect(Settings.model_fields[field_of(flag)].description, FLAGS_WITHOUT_EFFECT.get(flag))
    return command_line.described(f"--{flag}", kind=READERS[flag].type, default=default_of(flag), text=text)


def _with_effect(description: str | None, why_none: str | None) -> str:
    return f"{description} No effect here: {why_none}." if why_none else description or ""
