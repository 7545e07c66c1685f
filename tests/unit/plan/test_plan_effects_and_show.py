from __future__ import annotations

from typing import get_args

from aws_lb_controller.model.firewall import UNGUARDED
from aws_lb_controller.model.listener import Authenticate
from aws_lb_controller.model.observed import ObservedStack, SeenLoadBalancer
from aws_lb_controller.model.target_group import LoadBalancerTarget
from aws_lb_controller.plan.effects import Given, after
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.show import describe, show
from aws_lb_controller.plan.steps import (
    AssociateWebAcl,
    AwaitTargets,
    AwaitTraffic,
    CreateBinding,
    CreateListener,
    CreateLoadBalancer,
    CreateRule,
    CreateSecurityGroup,
    CreateShieldProtection,
    CreateTargetGroup,
    DeleteBinding,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteRule,
    DeleteSecurityGroup,
    DeleteShieldProtection,
    DeleteTargetGroup,
    DeregisterLoadBalancer,
    DisassociateWebAcl,
    EnsureBackendSecurityGroup,
    ModifyCapacityReservation,
    ModifyIpPools,
    ModifyListener,
    ModifyListenerAttributes,
    ModifyLoadBalancerAttributes,
    ModifyRule,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
    PublishStatus,
    RegisterLoadBalancer,
    SetIpAddressType,
    SetListenerCertificates,
    SetRulePriorities,
    SetSecurityGroupIngress,
    SetSecurityGroups,
    SetSubnets,
    SetTags,
    Step,
    UpdateBinding,
)
from builders_model import (
    a_binding,
    a_listener,
    a_load_balancer,
    a_rule,
    a_security_group,
    a_stack,
    a_target_group,
    a_tls_listener,
)
from carrying_out import built

EVERY_KIND: tuple[Step, ...] = (
    EnsureBackendSecurityGroup(),
    CreateSecurityGroup(group=a_security_group()),
    SetSecurityGroupIngress(group_id="sg-1", resource="x", ingress=frozenset()),
    DeleteSecurityGroup(group_id="sg-1"),
    CreateTargetGroup(group=a_target_group()),
    ModifyTargetGroup(arn="a", group=a_target_group(), changed=("path",)),
    ModifyTargetGroupAttributes(arn="a", attributes={"k": "v"}),
    DeleteTargetGroup(arn="a"),
    RegisterLoadBalancer(target_group="a", target=LoadBalancerTarget(load_balancer="b", port=80)),
    DeregisterLoadBalancer(target_group="a", target=LoadBalancerTarget(load_balancer="b", port=80)),
    CreateLoadBalancer(load_balancer=a_load_balancer()),
    SetSubnets(arn="a", type="network", subnets=a_load_balancer().subnets),
    SetSecurityGroups(arn="a", security_groups=a_load_balancer().security_groups),
    SetIpAddressType(arn="a", ip_address_type="dualstack"),
    ModifyIpPools(arn="a", ipv4_ipam_pool_id="ipam-pool-1"),
    ModifyLoadBalancerAttributes(arn="a", attributes={"k": "v"}),
    ModifyCapacityReservation(load_balancer="a", units=3000),
    DeleteLoadBalancer(arn="a"),
    AssociateWebAcl(load_balancer="a", service="wafv2", web_acl="w"),
    DisassociateWebAcl(load_balancer="a", service="wafv2"),
    CreateShieldProtection(load_balancer="a"),
    DeleteShieldProtection(load_balancer="a", protection_id="p"),
    CreateListener(listener=a_listener()),
    ModifyListener(arn="a", listener=a_tls_listener(), changed=("protocol", "certificates")),
    SetListenerCertificates(arn="a", add=("c",), remove=("d",)),
    ModifyListenerAttributes(arn="a", attributes={"k": "v"}),
    DeleteListener(arn="a"),
    CreateRule(rule=a_rule()),
    ModifyRule(arn="a", rule=a_rule(), changed=("actions",)),
    SetRulePriorities(priorities={"a": 2}),
    DeleteRule(arn="a"),
    SetTags(service="elbv2", arn="a", add={"k": "v"}, remove=("old",)),
    CreateBinding(binding=a_binding()),
    UpdateBinding(binding=a_binding()),
    DeleteBinding(namespace="shop", name="b"),
    AwaitTargets(namespace="shop", name="b"),
    AwaitTraffic(load_balancer="a", target_groups=(), instead_of=()),
    PublishStatus(),
)


def test_every_kind_of_step_is_shown_in_one_line_of_its_own() -> None:
    lines = show(EVERY_KIND).splitlines()

    assert set(get_args(Step)) == {type(step) for step in EVERY_KIND}
    assert len(EVERY_KIND) == len(set(lines))
    assert [] == [line for line in lines if line[:2] not in ("+ ", "~ ", "- ", "= ")]


def test_a_step_without_what_it_names_or_without_aws_answer_changes_nothing() -> None:
    observed = built(a_stack())
    strangers = [step for step in EVERY_KIND if not isinstance(step, UpdateBinding)]

    assert [] == [step for step in strangers if after(observed, step, None) != observed]


def test_an_empty_plan_says_that_there_is_nothing_to_do() -> None:
    assert "nothing to do" == show(())


def test_a_plan_from_nothing_reads_as_what_will_be_made() -> None:
    assert (
        "+ shared backend security group, unless it exists\n"
        "+ security group k8s-shop-web-managedlbsecuritygroup with 1 inbound rule\n"
        "+ target group k8s-shop-web-svc-80-ip-http-http1 (ip, HTTP 8080)\n"
        "+ load balancer k8s-shop-web-internet-facing-application (application, internet-facing, ipv4)\n"
        "+ listener HTTP 80 on <LoadBalancer LoadBalancer>\n"
        "+ rule 1 on <Listener 80>\n"
        "+ TargetGroupBinding shop/k8s-shop-web-svc-80-ip-http-http1 for <TargetGroup shop/web-svc:80>"
    ) == show(plan(a_stack(), ObservedStack()))


def test_a_client_secret_is_never_shown() -> None:
    secret = Authenticate(type="authenticate-oidc", config={"ClientSecret": "hush"})
    listener = a_tls_listener(default_actions=(secret,))

    assert "hush" not in describe(CreateListener(listener=listener)) + repr(CreateListener(listener=listener))
    assert "hush" not in describe(ModifyListener(arn="a", listener=listener, changed=("default_actions",)))


def test_a_load_balancer_is_seen_with_what_aws_answered() -> None:
    given = Given(arn="arn-1", dns_name="lb.example", hosted_zone_id="Z1")

    assert (
        SeenLoadBalancer(
            arn="arn-1",
            resource=a_load_balancer(minimum_capacity_units=0, firewall=UNGUARDED),
            dns_name="lb.example",
            hosted_zone_id="Z1",
            state="provisioning",
        ),
    ) == after(ObservedStack(), CreateLoadBalancer(load_balancer=a_load_balancer()), given).load_balancers


def test_listeners_and_rules_go_with_their_load_balancer() -> None:
    observed = built(a_stack())
    gone = after(observed, DeleteLoadBalancer(arn=observed.load_balancers[0].arn), None)

    assert ((), (), ()) == (gone.load_balancers, gone.listeners, gone.rules)


def test_a_listener_that_leaves_tls_is_seen_without_certificates_and_policy() -> None:
    observed = built(a_stack(listeners=(a_tls_listener(443),), rules=()))
    arn = observed.listeners[0].arn
    seen = after(observed, ModifyListener(arn=arn, listener=a_listener(443), changed=("protocol",)), None)

    assert ("HTTP", (), None) == (
        seen.listeners[0].resource.protocol,
        seen.listeners[0].resource.certificates,
        seen.listeners[0].resource.ssl_policy,
    )
