import pytest

from aws_lb_controller.api import names
from aws_lb_controller.settings import Settings
from aws_lb_controller.settings.flags import TRACKING_TAGS
from contract_data import contract

SERVED = ("Service", "Ingress", "TargetGroupBinding")
NOT_SERVED = ("gateway.", "aga.")


def test_the_event_reasons_are_those_of_the_kinds_served():
    assert {reason for kind in SERVED for reason in contract("names")["eventReasons"][kind]} == set(names.Reason)


def test_the_finalizers_are_those_of_the_kinds_served():
    expected = {f for f in contract("names")["finalizers"] if not f.startswith(NOT_SERVED)}
    assert expected == {*names.Finalizer, names.GROUP_FINALIZER_PREFIX, names.ingress_finalizer("<group>")}


@pytest.mark.parametrize(
    ("group", "finalizer"), [("shop/web", "ingress.k8s.aws/resources"), ("web", "group.ingress.k8s.aws/web")]
)
def test_an_ingress_carries_the_finalizer_of_its_group(group, finalizer):
    assert finalizer == names.ingress_finalizer(group)


def test_the_tags_that_track_resources_are_the_contracts():
    assert set(contract("names")["tags"]) == {tag for tag in names.Tag if "k8s.aws" in tag}


def test_every_tracking_tag_is_closed_to_users():
    assert set(contract("names")["tags"]) <= TRACKING_TAGS


def test_prefixes_and_gates_are_the_contracts():
    expected = contract("names")
    assert expected["ingressAnnotationPrefix"] == names.INGRESS_ANNOTATION_PREFIX
    assert expected["serviceAnnotationPrefix"] == names.SERVICE_ANNOTATION_PREFIX
    assert {names.INGRESS_CLASS_ANNOTATION, names.CHECKPOINT_ANNOTATION} <= set(expected["otherNames"])
    assert expected["podReadinessGate"]["conditionTypePrefix"] == names.READINESS_GATE_PREFIX
    assert expected["podReadinessGate"]["namespaceLabel"] == f"{names.Label.POD_READINESS_GATE_INJECT}: enabled"
    assert expected["multiClusterConfigMap"].startswith(names.MULTI_CLUSTER_CONFIG_MAP_PREFIX)


def test_ports_and_lease_are_the_defaults_of_their_flags():
    settings = Settings(cluster_name="demo")
    assert settings.metrics_bind_addr is not None
    assert settings.health_probe_bind_addr is not None
    ports = {
        "webhook": settings.webhook_bind_port,
        "metrics": settings.metrics_bind_addr.port,
        "health": settings.health_probe_bind_addr.port,
    }
    assert ports == contract("names")["ports"]
    assert contract("names")["leaderElectionLease"] == settings.leader_election_id
