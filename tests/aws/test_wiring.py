"""Which controllers run is a matter of feature gates."""

from __future__ import annotations

from typing import Any

from aws_builders import our_clients, settings

from aws_lb_controller.app import Wired, wire
from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.cluster.kinds import SERVICE
from aws_lb_controller.cluster.secrets import Secrets
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.settings import FeatureGates
from builders_kube import a_service


def wired(aws: Any, **gates: bool) -> Wired:
    """A controller of a cluster with one Service that asks for a load balancer."""
    store, unused = Store(), object()
    store.upsert(SERVICE, a_service())
    nowhere: Any = unused  # nothing is reconciled here
    clients = our_clients(aws.world.vpc_id)
    return wire(
        settings(feature_gates=FeatureGates(**gates)),  # type: ignore[arg-type]  # all gates are switches
        clients=clients,
        accounts=Accounts(clients),
        store=store,
        writer=nowhere,
        events=nowhere,
        namespace=lambda _name: None,
        enqueue=lambda _key: None,
        config_maps=nowhere,
        secrets=Secrets(nowhere, store),
    )


def controllers_with_keys(controller: Wired) -> set[str]:
    return {key.controller for key in controller.routing.everything()}


def test_services_are_worked_on(aws: Any) -> None:
    controller = wired(aws)
    assert "service" in controller.reconcilers
    assert "service" in controllers_with_keys(controller)


def test_without_the_service_controller_nobody_works_on_services(aws: Any) -> None:
    controller = wired(aws, enable_service_controller=False)
    assert {*wired(aws).reconcilers} - {"service"} == {*controller.reconcilers}
    assert controllers_with_keys(controller) <= {*controller.reconcilers}
