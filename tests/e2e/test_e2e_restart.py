"""A controller that starts finds what stands, and leaves it alone."""

from __future__ import annotations

from e2e_world import ALB, Controller, Controllers, Place, ingress, nlb_service, service, until

NODES = {"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "instance"}


def test_a_restart_changes_nothing_in_aws_and_writes_no_object(
    controllers: Controllers, controller: Controller, place: Place
) -> None:
    place.apply(service(), ingress(), ingress("listening", annotations={f"{ALB}/listen-ports": '[{"HTTP": 8080}]'}))
    place.apply(nlb_service("pods"), nlb_service("nodes", annotations=NODES))
    place.there.wait()
    until("the first controller to be done", controller.idle)
    aws, versions = place.there.picture(), place.versions()
    controllers.stop()
    second = controllers.one()
    until("the second controller to have looked at everything", lambda: has_looked_at_all(second, place))
    until("the second controller to be done", second.idle)
    assert [] == second.proxy.mutations()
    assert versions == place.versions()
    assert aws == place.there.picture()


def has_looked_at_all(controller: Controller, place: Place) -> bool:
    """Whether each Service, Ingress and binding was reconciled at least once."""
    kinds = [one["kind"] for one in place.objects("ingresses,targetgroupbindings")]
    wanted = {"ingress": kinds.count("Ingress"), "targetGroupBinding": kinds.count("TargetGroupBinding"), "service": 2}
    return all(
        (controller.metric("controller_runtime_reconcile_total", controller=label, result="success") or 0) >= count
        for label, count in wanted.items()
    )
