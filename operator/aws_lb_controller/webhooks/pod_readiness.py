"""Pods in labelled namespaces are made with a readiness gate for each target group that they will be targets of.

A gate is injected for every TargetGroupBinding of the pod's namespace with target type ip whose Service selects the
pod. Whoever may be asked for pods is the webhook configuration's matter: its selectors name the namespaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from aws_lb_controller.api.names import LONGEST_GATE, READINESS_GATE_PREFIX
from aws_lb_controller.cluster.indexes import Obj, is_deleting
from aws_lb_controller.cluster.kinds import SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.errors import KubernetesError, Problem
from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.answers import Operation
from aws_lb_controller.webhooks.reading import Cluster
from aws_lb_controller.webhooks.review import Review, Verdict

LEGACY_PREFIX = "target-health.alb.ingress.k8s.aws"
"""Start of the gates of the v1 controller: nobody sets their conditions any more."""

_GATES = ("spec", "readinessGates")
Services = Callable[[str], Obj | None]


def inject_readiness_gates(review: Review, *, cluster: Cluster, enabled: bool) -> Verdict:
    """Adds the gates that a new pod lacks. While nothing is known of the cluster it is made without, and warned of."""
    if review.operation != "CREATE" or not enabled or not cluster.serves(review.namespace):
        return Verdict()
    try:
        bindings = bindings_of_pod(review, cluster)
    except KubernetesError as wrong:
        return answers.allowed(warnings=[_unknown(review, wrong)])
    fitting = [name for name in bindings if len(name) <= LONGEST_GATE]
    gates = answers.spec_of(review.obj).get("readinessGates")
    return answers.allowed(
        gate_patch(gates, [READINESS_GATE_PREFIX + name for name in fitting]),
        warnings=[_too_long(review, name) for name in bindings if name not in fitting],
    )


def gate_patch(held: Sequence[Mapping[str, Any]] | None, wanted: Iterable[str]) -> tuple[Operation, ...]:
    """The gates that are missing; those of the v1 controller go with them, in their place."""
    wanted = tuple(wanted)
    present = [gate.get("conditionType", "") for gate in held or ()]
    missing = [{"conditionType": each} for each in dict.fromkeys(wanted) if each not in present]
    if wanted and any(type_.startswith(LEGACY_PREFIX) for type_ in present):
        kept = [gate for gate in held or () if not gate.get("conditionType", "").startswith(LEGACY_PREFIX)]
        return (answers.add([*kept, *missing], *_GATES),)
    return answers.append(missing, to=held, path=_GATES)


def bindings_of_pod(review: Review, cluster: Cluster) -> tuple[str, ...]:
    """The names of the bindings that the new pod will be a target of, in alphabetical order.

    Where the store knows none, the API server is asked: the binding may have been made a moment before the pod. Raises
    `KubernetesError` while nothing is known.
    """
    labels, namespace = answers.labels_of(review.obj), review.namespace
    if cluster.ready():
        held = cluster.known(TARGET_GROUP_BINDING, namespace)
        known = _selecting(labels, held, lambda name: cluster.store.get(SERVICE, namespace, name))
        try:
            return known or _afresh(labels, namespace, cluster)
        except KubernetesError:
            return ()  # as far as we know there are none
    return _afresh(labels, namespace, cluster)


def _afresh(labels: Mapping[str, str], namespace: str, cluster: Cluster) -> tuple[str, ...]:
    bindings = [each for each in cluster.live.list(TARGET_GROUP_BINDING, namespace) if _takes_pods(each)]
    if not bindings:
        return ()
    services = {each["metadata"]["name"]: each for each in cluster.live.list(SERVICE, namespace)}
    return _selecting(labels, bindings, services.get)


def _selecting(labels: Mapping[str, str], bindings: Iterable[Obj], services: Services) -> tuple[str, ...]:
    return tuple(sorted(_names(labels, bindings, services)))


def _names(labels: Mapping[str, str], bindings: Iterable[Obj], services: Services) -> Iterator[str]:
    for binding in bindings:
        if _takes_pods(binding) and _selects(services(answers.spec_of(binding)["serviceRef"]["name"]), labels):
            yield binding["metadata"]["name"]


def _takes_pods(binding: Obj) -> bool:
    """Whether pods are its targets; of one that is going, nobody will ever tell their health."""
    return answers.spec_of(binding).get("targetType") == "ip" and not is_deleting(binding)


def _selects(service: Obj | None, labels: Mapping[str, str]) -> bool:
    selector = answers.spec_of(service).get("selector") or {}
    return bool(selector) and selector.items() <= labels.items()


def _unknown(review: Review, wrong: KubernetesError) -> Problem:
    remedy = f"no readiness gates are injected, as the TargetGroupBindings of {review.namespace} are unknown: {wrong}"
    return Problem(answers.reference("Pod", review), "spec.readinessGates", "", remedy)


def _too_long(review: Review, binding: str) -> Problem:
    remedy = f"a name of more than {LONGEST_GATE} letters fits into no readiness gate: the pod does not wait for it"
    return Problem(answers.reference("Pod", review), f"TargetGroupBinding {binding}", "", remedy)
