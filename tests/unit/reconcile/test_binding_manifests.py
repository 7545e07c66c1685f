"""TargetGroupBindings between the model's words and the API's."""

from __future__ import annotations

from dataclasses import replace

from aws_lb_controller.cluster.writes import merged
from aws_lb_controller.model.binding import NetworkingPeer, NetworkingPort, NetworkingRule
from aws_lb_controller.reconcile.bindings import manifest, patch, seen
from builders_model import a_binding

A_BINDING = replace(
    a_binding(),
    target_group="arn:tg",
    networking=(
        NetworkingRule(
            peers=(NetworkingPeer(cidr="10.0.0.0/8"), NetworkingPeer(security_group="sg-1")),
            ports=(NetworkingPort(protocol="TCP", port=80), NetworkingPort(protocol="UDP", port=None)),
        ),
    ),
    node_selector={"matchLabels": {"role": "edge", "zone": "a"}},
)


def test_what_is_made_is_seen_as_it_was_wanted() -> None:
    made = seen(manifest(A_BINDING)).resource
    assert replace(A_BINDING, annotations=None) == replace(made, annotations=None)


def test_a_patch_takes_away_what_is_no_longer_wanted_at_every_depth() -> None:
    fewer = replace(A_BINDING, node_selector={"matchLabels": {"zone": "b"}}, networking=None)
    held = manifest(A_BINDING)
    assert manifest(fewer)["spec"] == merged(held, patch(fewer, held))["spec"]


def test_a_patch_leaves_the_labels_of_others() -> None:
    held = manifest(A_BINDING)
    held["metadata"]["labels"]["theirs"] = "yes"
    assert "yes" == merged(held, patch(A_BINDING, held))["metadata"]["labels"]["theirs"]
