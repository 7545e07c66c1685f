"""Target groups of one Ingress: one for each Service port that its rules name, each made once.

What concerns targets may stand on the Service too, and then wins over the Ingress; a map of the Service takes the place
of the Ingress's whole map, but tags are joined key by key, the class's before the Service's before the Ingress's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.actions import port_as_written
from aws_lb_controller.intent.annotations import Annotation, AnnotationReader
from aws_lb_controller.intent.ingress_class import Classified
from aws_lb_controller.intent.service import Services, service_facts
from aws_lb_controller.intent.values import Blame, HealthCheckIntent, ServiceFacts, ServicePort, TargetGroupIntent
from aws_lb_controller.model.target_group import TargetType
from aws_lb_controller.settings import Settings

T = TypeVar("T")
Obj = Mapping[str, Any]


class TargetGroups:
    """The target groups of one Ingress, in the order in which they are first asked for; problems go to `notes`."""

    def __init__(
        self, ingress: str, notes: AnnotationReader, *, classified: Classified, services: Services, settings: Settings
    ) -> None:
        self.ingress, self.notes, self.settings = ingress, notes, settings
        self.namespace = ingress.partition("/")[0]
        self.classified, self._services = classified, services
        self._made: dict[str, TargetGroupIntent] = {}
        self._readers: dict[str, AnnotationReader] = {}

    @property
    def made(self) -> tuple[TargetGroupIntent, ...]:
        """All that were asked for."""
        return tuple(self._made.values())

    @property
    def readers(self) -> tuple[AnnotationReader, ...]:
        """The readers of the Services' annotations, with what is wrong in them."""
        return tuple(self._readers.values())

    def has(self, service: str) -> bool:
        """Whether the Service exists."""
        return self._services(self.namespace, service) is not None

    def annotations_over(self, service: str) -> Layered:
        """The annotations of a Service that exists, over the Ingress's."""
        facts = service_facts(cast(Obj, self._services(self.namespace, service)))
        return Layered(self._reader(facts), self.notes)

    def for_port(self, service: str, port: int | str, blame: Blame) -> str:
        """The id of the target group of a port of a Service that exists; blame: where the port is written."""
        group_id = f"{self.ingress}-{service}:{port}"
        if group_id not in self._made:
            facts = service_facts(cast(Obj, self._services(self.namespace, service)))
            found = facts.find_port(port)
            if found is None:
                remedy = f"Service {facts.name} has only the ports {facts.ports_in_words()}"
                self.notes.add(Problem(blame.object, blame.field, str(port), remedy))
            else:
                self._made[group_id] = self._target_group(group_id, facts, port=found, written=port)
        return group_id

    def _reader(self, service: ServiceFacts) -> AnnotationReader:
        if service.name not in self._readers:
            self._readers[service.name] = AnnotationReader(
                object_ref=f"Service {service.namespace}/{service.name}",
                annotations=service.annotations,
                prefix=table.PREFIX,
            )
        return self._readers[service.name]

    def _target_group(
        self, group_id: str, service: ServiceFacts, *, port: ServicePort, written: int | str
    ) -> TargetGroupIntent:
        notes = Layered(self._reader(service), self.notes)
        target_type = self._target_type(notes, service, port)
        return TargetGroupIntent(
            id=group_id,
            owner=self.ingress,
            service=service,
            service_port=port,
            port_as_written=written,
            target_type=target_type,
            protocol=notes.get(table.BACKEND_PROTOCOL) or "HTTP",
            protocol_version=notes.get(table.BACKEND_PROTOCOL_VERSION) or "HTTP1",
            health_check=_health_check(notes, service, target_type),
            attributes=notes.get(table.TARGET_GROUP_ATTRIBUTES) or {},
            tags=self._tags(notes),
            node_selector=_node_selector(notes) if target_type == "instance" else None,
            multi_cluster=any(bool(n.get(table.MULTI_CLUSTER)) for n in (self.notes, notes.service)),
            target_control_port=_control_port(notes, f"{service.name}.{written}", target_type),
            blame={
                "healthcheck-port": notes.of(table.HEALTH_CHECK_PORT).blame(table.HEALTH_CHECK_PORT),
                "target-type": notes.of(table.TARGET_TYPE).blame(table.TARGET_TYPE),
                "tags": notes.of(table.TAGS).blame(table.TAGS),
            },
        )

    def _target_type(self, notes: Layered, service: ServiceFacts, port: ServicePort) -> TargetType:
        wanted = self.classified.spec.target_type or notes.get(table.TARGET_TYPE) or self.settings.default_target_type
        if wanted == "ip":
            if not self.settings.feature_gates.enable_ip_target_type:
                notes.of(table.TARGET_TYPE).complain(
                    table.TARGET_TYPE, "ip targets need the feature gate EnableIPTargetType"
                )
            return "ip"
        if not port.node_port:
            remedy = "instance targets need a node port: make it NodePort or LoadBalancer, or take ip targets"
            notes.service.add(Problem(notes.service.object_ref, "spec.type", service.type, remedy))
        return "instance"

    def _tags(self, notes: Layered) -> dict[str, str]:
        on_service = notes.service.get(table.TAGS) or {}
        check_tags(notes.service, on_service, self.settings)
        return {**(self.notes.get(table.TAGS) or {}), **on_service, **class_tags(self.classified)}


class Layered:
    """Two objects' annotations as one: where the Service has an annotation, the Ingress's is not looked at."""

    def __init__(self, service: AnnotationReader, ingress: AnnotationReader) -> None:
        self.service, self.ingress = service, ingress

    def of(self, annotation: Annotation[Any], key: str = "") -> AnnotationReader:
        """The reader of the object whose annotation counts."""
        return self.ingress if self.service.raw(annotation, key) is None else self.service

    def get(self, annotation: Annotation[T], key: str = "") -> T | None:
        """The value that counts."""
        return self.of(annotation, key).get(annotation, key)


def class_tags(classified: Classified) -> dict[str, str]:
    """The tags of the class's parameters."""
    return {tag.key: tag.value for tag in classified.spec.tags or ()}


def check_tags(notes: AnnotationReader, tags: Mapping[str, str], settings: Settings) -> None:
    """Complains of tags that are somebody else's."""
    if foreign := sorted(set(tags) & set(settings.external_managed_tags)):
        notes.complain(table.TAGS, f"leave out {', '.join(foreign)}: --external-managed-tags has it")


def _node_selector(notes: Layered) -> dict[str, Any] | None:
    labels = notes.get(table.TARGET_NODE_LABELS)
    return {"matchLabels": labels} if labels else None


def _control_port(notes: Layered, key: str, target_type: TargetType) -> int | None:
    port = notes.get(table.TARGET_CONTROL_PORT, key)
    if port is not None and target_type == "instance":
        remedy = f"leave it out, or write {notes.ingress.key(table.TARGET_TYPE)}: ip"
        notes.of(table.TARGET_CONTROL_PORT, key).complain(table.TARGET_CONTROL_PORT, remedy, of=key)
    return port


def _health_check(notes: Layered, service: ServiceFacts, target_type: TargetType) -> HealthCheckIntent:
    return HealthCheckIntent(
        protocol=notes.get(table.HEALTH_CHECK_PROTOCOL),
        port=_health_check_port(notes, service, target_type),
        path=notes.get(table.HEALTH_CHECK_PATH),
        interval_seconds=notes.get(table.HEALTH_CHECK_INTERVAL),
        timeout_seconds=notes.get(table.HEALTH_CHECK_TIMEOUT),
        healthy_threshold=notes.get(table.HEALTHY_THRESHOLD),
        unhealthy_threshold=notes.get(table.UNHEALTHY_THRESHOLD),
        success_codes=notes.get(table.SUCCESS_CODES),
    )


def _health_check_port(notes: Layered, service: ServiceFacts, target_type: TargetType) -> str | None:
    """``traffic-port`` or a number: the name of a Service's port becomes the number that the targets listen on."""
    text = notes.get(table.HEALTH_CHECK_PORT)
    if text is None or text == "traffic-port":
        return text
    written = port_as_written(text)
    if isinstance(written, int):
        return str(written)
    port, reader = service.find_port(written), notes.of(table.HEALTH_CHECK_PORT)
    if port is None:
        reader.complain(
            table.HEALTH_CHECK_PORT, f"write traffic-port, a number, or the name of a port of Service {service.name}"
        )
        return None
    number = port.node_port if target_type == "instance" else port.target_port
    if isinstance(number, str):
        reader.complain(
            table.HEALTH_CHECK_PORT, f"write a number: the Service's port {written} names its target port ({number})"
        )
    return str(number)
