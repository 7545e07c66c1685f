"""The controller before ours leaves, and ours comes: nothing changes in AWS, and users' objects stay as they are."""

from __future__ import annotations

import json

import handover
from e2e_world import ALB, Controller, Controllers, Obj, Place, ingress, nlb_service, service, until

NODES = {"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "instance"}
GROUP = {f"{ALB}/group.name": "handed-over"}
SHARED = {"service.beta.kubernetes.io/aws-load-balancer-multi-cluster-target-group": "true"}
RECORDS = ("-n", "kube-system", "-l", "app.kubernetes.io/managed-by=aws-load-balancer-controller")


def test_what_stands_is_taken_over_as_it_is(controllers: Controllers, controller: Controller, place: Place) -> None:
    place.apply(service(), ingress(), ingress("one", annotations=GROUP), ingress("other", annotations=other_port()))
    place.apply(nlb_service("pods"), nlb_service("nodes", annotations=NODES), nlb_service("shared", annotations=SHARED))
    place.there.wait()
    until("the first controller to be done", controller.idle)
    controllers.stop()
    as_the_one_before_leaves_it(place)
    aws, objects = place.there.picture(), users_view(place)
    ours = controllers.one()
    until("our controller to have looked at everything", lambda: has_looked_at_all(ours, place))
    until("our controller to be done", ours.idle)
    assert [] == ours.proxy.mutations()
    assert aws == place.there.picture()
    assert objects == users_view(place)
    bindings = place.objects("targetgroupbindings")
    assert {"elbv2.k8s.aws/checkpoint"} <= set.intersection(*(set(one["metadata"]["annotations"]) for one in bindings))


def other_port() -> dict[str, str]:
    return {**GROUP, f"{ALB}/listen-ports": '[{"HTTP": 8080}]'}


def as_the_one_before_leaves_it(place: Place) -> None:
    """Our own records go, and the bindings bear its checkpoints."""
    for binding in place.objects("targetgroupbindings"):
        place.edit("targetgroupbinding", binding["metadata"]["name"], handover.patch_to(binding))
    records = handover.not_left(place.cluster.get("configmaps", *RECORDS)["items"])
    place.cluster.kubectl("delete", "configmap", "-n", "kube-system", *[one["metadata"]["name"] for one in records])
    [tracked] = [one for one in place.objects("configmaps") if one["metadata"]["name"].startswith("aws-lbc-targets-")]
    targets = ",".join(reversed(tracked["data"]["targets"].split(",")))
    place.edit("configmap", tracked["metadata"]["name"], {"data": {"targets": targets}})


def users_view(place: Place) -> dict[str, str]:
    """Users' objects and tracked targets, by how often they were written; bindings, but for their annotations."""
    versions = place.versions()
    users = {name: version for name, version in versions.items() if not name.startswith("TargetGroupBinding ")}
    bindings = {one["metadata"]["name"]: without_annotations(one) for one in place.objects("targetgroupbindings")}
    tracked = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in place.objects("configmaps")}
    return {**users, **bindings, **tracked}


def without_annotations(binding: Obj) -> str:
    metadata = {key: binding["metadata"][key] for key in ("generation", "labels", "finalizers", "uid")}
    return json.dumps([metadata, binding["spec"], binding["status"]], sort_keys=True)


def has_looked_at_all(controller: Controller, place: Place) -> bool:
    """Whether each of them was reconciled at least once; two of the Ingresses are one group."""
    wanted = {"ingress": 2, "service": 3, "targetGroupBinding": len(place.objects("targetgroupbindings"))}
    return all(
        (controller.metric("controller_runtime_reconcile_total", controller=label, result="success") or 0) >= count
        for label, count in wanted.items()
    )
