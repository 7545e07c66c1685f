"""The page ``docs/configuration.md``: every flag, feature gate and environment variable, from the model itself.

``python -m aws_lb_controller.settings.reference`` prints it; ``make docs`` puts it in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

from aws_lb_controller.settings.flags import (
    DEFAULT_THROTTLE,
    FLAGS_WITHOUT_EFFECT,
    GATES_ALWAYS_OFF,
    READERS,
    Settings,
    default_of,
    field_of,
)
from aws_lb_controller.settings.gates import FeatureGates
from aws_lb_controller.settings.readers import show_switch, show_throttle

_INTRODUCTION = """
<!-- Made by `make docs` from operator/aws_lb_controller/settings: edit that. -->

The controller is configured by flags alone; nothing but `--cluster-name` must be given. Names, defaults and spellings
are those of aws-load-balancer-controller v3.5.0, so that its command line starts this controller. `--help` prints them.

A value stands behind an equals sign or in the next word; switches take it behind an equals sign only, and are true
without one. One dash is as good as two. Lists and maps may be given several times and add up; of anything else the last
one counts.

What has no effect here, or means nothing, is told with one warning in the log at start, and the controller goes on. An
unknown flag or feature gate, a value that cannot be read, and flags that contradict each other end it with exit code 2
and one line that says what is wrong.

In the Helm chart most flags are values of the same name in camel case.
"""

_KINDS = """
| kind | written |
|---|---|
| boolean | `true` or `false` (also `1`, `t`, `T`, `True`, `TRUE` and their opposites) |
| int | a whole number (also `0x1f`, `0o17`, `0b11`) |
| duration | `15s`, `2m`, `10h0m0s`, `1.5h`, `500ms` |
| stringList | `a,b`; an item that holds a comma stands in double quotes |
| stringMap | `key=value,key=value` |
| throttle | `serviceID:operationRegex=rate:burst,…`: rate in calls a second; the first pattern that is found counts |
"""

EFFECTS: Mapping[str, str] = {
    "aws-api-throttle": "ELBv2 is read at most 10 times a second after a burst of 40, which is what AWS gives to an "
    "account and region (there: 50 and 200).",
    "aws-max-retries": "Above 4 (and with 0) a call is tried 4 times: then its object goes back to the queue, whose "
    "pauses grow, and the worker does something else meanwhile.",
    "default-load-balancer-scheme": "Load balancers that exist keep their scheme where their object names none.",
    "health-probe-bind-addr": "`/healthz` fails when a reconcile hangs or the event loop stands, `/readyz` until "
    "everything is listed and the webhooks are served.",
    "kube-ca-pem-filepath": "The file is read again when it changes.",
    "leader-election-namespace": "Without it, and outside of a pod: `kube-system`.",
    "log-level": "Any other word means info, with a warning. `debug` has each AWS call, with the reconcile it is for.",
    "sync-period": "One stack after the other, spread over the period, so that no burst of calls comes of it.",
    "targetgroupbinding-requeue-duration": "Security groups that cannot be opened are tried again after it. Readiness "
    "gates have pauses of their own, which depend on how soon the target can be healthy.",
    "webhook-cert-dir": "The files are read again when they change. If the flag is not given and its default does not "
    "exist, no webhooks are served.",
    "watch-namespace": "IngressClasses, their parameters and Nodes are seen in any case.",
}
"""Flags whose effect needs a word more: mostly how it differs from that of the controller before us."""

ENVIRONMENT: Mapping[str, str] = {
    "AWS_DEFAULT_REGION": "Region of the cluster, if `--aws-region` is not given.",
    "AWS_REGION": "Likewise, if there is no `AWS_DEFAULT_REGION`.",
    "AWS_EC2_METADATA_DISABLED": "`true`: the instance metadata is not asked for region and VPC.",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "URL of the instance metadata, if it is not `http://169.254.169.254`.",
    "NODENAME": "Name of the pod's node (`spec.nodeName`). If it is an instance id, the cluster's VPC is that of the "
    "instance, where neither flags nor instance metadata tell it.",
    "HOSTNAME": "Name of the pod: how this replica signs the Lease. The host's own name without it.",
}
"""Read by our own code."""

ENVIRONMENT_OF_LIBRARIES: Mapping[str, str] = {
    "AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE": "Credentials by IAM roles for service accounts (IRSA).",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "Credentials by EKS Pod Identity.",
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN": "Credentials given outright.",
    "AWS_PROFILE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE": "Credentials and region of a profile.",
    "AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_SERVICE": "URLs of AWS services; `--aws-api-endpoints` wins over them.",
    "AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT": "`true`: such endpoints of AWS services.",
    "AWS_CA_BUNDLE": "File of the CAs that AWS's endpoints are trusted by.",
    "HTTPS_PROXY, HTTP_PROXY, NO_PROXY": "Proxy on the way to AWS and to the API server.",
    "KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT": "The API server, if `--kubeconfig` is not given; every pod has "
    "them.",
}
"""Read by boto3 and the Kubernetes client."""


def configuration_reference() -> str:
    """The page, as Markdown."""
    lines = [
        "# Configuration",
        "",
        _INTRODUCTION.strip(),
        "",
        _KINDS.strip(),
        "",
        "## Flags",
        "",
        *_table(("flag", "kind", "default", "meaning", "effect here"), map(_flag, sorted(READERS))),
        "",
        "The default of `--aws-api-throttle`, of which a service that is given replaces only its own:",
        "",
        "```",
        *show_throttle(DEFAULT_THROTTLE).split(","),
        "```",
        "",
        "## Feature gates",
        "",
        "`--feature-gates=NAME=true,OTHER=false`:",
        "",
        *_table(("gate", "default", "meaning", "effect here"), _gates()),
        "",
        "## Environment variables",
        "",
        *_table(("variable", "meaning"), _variables(ENVIRONMENT)),
        "",
        "Of those that boto3 and the Kubernetes client read, these matter most:",
        "",
        *_table(("variable", "meaning"), _variables(ENVIRONMENT_OF_LIBRARIES)),
    ]
    return "\n".join(lines) + "\n"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _flag(flag: str) -> tuple[str, ...]:
    about = Settings.model_fields[field_of(flag)].description or ""
    default = "see below" if flag == "aws-api-throttle" else _code(default_of(flag))
    effect = _none(FLAGS_WITHOUT_EFFECT[flag]) if flag in FLAGS_WITHOUT_EFFECT else EFFECTS.get(flag, "")
    return f"`--{flag}`", READERS[flag].type, default, about, effect


def _gates() -> Iterator[tuple[str, ...]]:
    for gate, field in sorted((f.alias, f) for f in FeatureGates.model_fields.values() if f.alias):
        effect = _none(GATES_ALWAYS_OFF[gate]) if gate in GATES_ALWAYS_OFF else ""
        yield f"`{gate}`", show_switch(field.default), field.description or "", effect


def _none(why: str) -> str:
    return f"**none:** {why}"


def _variables(variables: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for names, meaning in variables.items():
        yield ", ".join(map(_code, names.split(", "))), meaning


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.stdout.write(configuration_reference())
