"""moto does what AWS does, where a controller could go wrong: each refusal and each thing kept has its test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localworld.aws_world import local_session
from localworld.behaviour import Behaviour, variable
from localworld.moto_server import MotoServer

Refused = Callable[..., str]


def forward(*target_groups: str) -> dict[str, Any]:
    """An action that forwards to the groups in equal parts."""
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn} for arn in target_groups]}}


# ---- one load balancer per target group


def test_a_target_group_serves_one_load_balancer_only(aws: Any, refused: Refused) -> None:
    group = aws.target_group()
    aws.listener(aws.load_balancer("one"), group)
    assert refused(aws.listener, aws.load_balancer("two"), group) == "TargetGroupAssociationLimit"


def test_a_rule_may_not_forward_to_another_load_balancers_group(aws: Any, refused: Refused) -> None:
    group = aws.target_group()
    aws.listener(aws.load_balancer("one"), group)
    listener = aws.listener(aws.load_balancer("two"))
    assert refused(aws.rule, listener, 1, forward(group)) == "TargetGroupAssociationLimit"


def test_a_changed_rule_or_default_action_may_not_forward_to_another_load_balancers_group(
    aws: Any, refused: Refused
) -> None:
    group = aws.target_group()
    aws.listener(aws.load_balancer("one"), group)
    listener = aws.listener(aws.load_balancer("two"))
    rule = aws.rule(listener, 1)
    changed_rule = refused(aws.elbv2.modify_rule, RuleArn=rule, Actions=[forward(group)])
    changed_listener = refused(aws.elbv2.modify_listener, ListenerArn=listener, DefaultActions=[forward(group)])
    assert (changed_rule, changed_listener) == ("TargetGroupAssociationLimit", "TargetGroupAssociationLimit")


def test_a_target_group_may_move_once_its_load_balancer_is_gone(aws: Any, refused: Refused) -> None:
    group, first = aws.target_group(), aws.load_balancer("one")
    aws.listener(first, group)
    aws.elbv2.delete_load_balancer(LoadBalancerArn=first)
    assert refused(aws.listener, aws.load_balancer("two"), group) == ""


def test_a_target_group_names_the_load_balancers_that_use_it_now(aws: Any) -> None:
    group, balancer = aws.target_group(), aws.load_balancer()
    listener = aws.listener(balancer)
    seen = []
    for actions in ([forward(group)], [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]):
        aws.elbv2.modify_listener(ListenerArn=listener, DefaultActions=actions)
        described = aws.elbv2.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]
        seen.append(described["LoadBalancerArns"])
    assert [[balancer], []] == seen


# ---- names


def test_creating_a_load_balancer_again_with_the_same_settings_gives_the_one_that_stands(aws: Any) -> None:
    assert aws.load_balancer("web") == aws.load_balancer("web")


def test_a_load_balancers_name_with_other_settings_is_taken(aws: Any, refused: Refused) -> None:
    aws.load_balancer("web")
    tags = [{"Key": "a", "Value": "b"}]
    codes = {refused(aws.load_balancer, "web", **more) for more in ({"Scheme": "internet-facing"}, {"Tags": tags})}
    assert {"DuplicateLoadBalancerName"} == codes


def test_a_load_balancers_name_has_at_most_32_characters(aws: Any, refused: Refused) -> None:
    assert (refused(aws.load_balancer, "a" * 32), refused(aws.load_balancer, "a" * 33)) == ("", "ValidationError")


def test_creating_a_target_group_again_with_the_same_settings_gives_the_one_that_stands(aws: Any) -> None:
    checked = {"HealthCheckPath": "/healthy", "Matcher": {"HttpCode": "200-299"}, "HealthCheckIntervalSeconds": 10}
    assert aws.target_group("web", **checked) == aws.target_group("web", **checked)


def test_a_target_groups_name_with_other_settings_is_taken(aws: Any, refused: Refused) -> None:
    aws.target_group("web")
    tags = [{"Key": "a", "Value": "b"}]
    codes = {refused(aws.target_group, "web", **more) for more in ({"Port": 81}, {"Tags": tags})}
    assert {"DuplicateTargetGroupName"} == codes


# ---- in use


def test_a_target_group_in_use_cannot_be_deleted(aws: Any, refused: Refused) -> None:
    group, balancer = aws.target_group(), aws.load_balancer()
    rule = aws.rule(aws.listener(balancer), 1, forward(group))
    while_used = refused(aws.elbv2.delete_target_group, TargetGroupArn=group)
    aws.elbv2.delete_rule(RuleArn=rule)
    assert (while_used, refused(aws.elbv2.delete_target_group, TargetGroupArn=group)) == ("ResourceInUse", "")


def test_a_load_balancers_security_group_cannot_be_deleted_before_it(aws: Any, refused: Refused) -> None:
    group = aws.security_group()
    balancer = aws.load_balancer(SecurityGroups=[group])
    while_used = refused(aws.ec2.delete_security_group, GroupId=group)
    aws.elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    assert (while_used, refused(aws.ec2.delete_security_group, GroupId=group)) == ("DependencyViolation", "")


def test_a_deleted_load_balancers_security_group_stays_in_use_for_the_set_time(
    aws: Any, refused: Refused, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.group_release_seconds = 3600
    group = aws.security_group()
    aws.elbv2.delete_load_balancer(LoadBalancerArn=aws.load_balancer(SecurityGroups=[group]))
    assert refused(aws.ec2.delete_security_group, GroupId=group) == "DependencyViolation"


def test_a_security_group_that_another_ones_rule_names_cannot_be_deleted(aws: Any, refused: Refused) -> None:
    source, node = aws.security_group("source"), aws.world.node_security_group_id
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": source}]}
    aws.ec2.authorize_security_group_ingress(GroupId=node, IpPermissions=[permission])
    while_named = refused(aws.ec2.delete_security_group, GroupId=source)
    aws.ec2.revoke_security_group_ingress(GroupId=node, IpPermissions=[permission])
    assert (while_named, refused(aws.ec2.delete_security_group, GroupId=source)) == ("DependencyViolation", "")


def test_a_security_group_that_names_itself_can_be_deleted(aws: Any, refused: Refused) -> None:
    group = aws.security_group()
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": group}]}
    aws.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    assert refused(aws.ec2.delete_security_group, GroupId=group) == ""


def test_a_network_interfaces_security_group_cannot_be_deleted(aws: Any, refused: Refused) -> None:
    group = aws.security_group()
    aws.ec2.create_network_interface(SubnetId=aws.world.subnets["private-a"], Groups=[group])
    assert refused(aws.ec2.delete_security_group, GroupId=group) == "DependencyViolation"


def test_a_load_balancer_with_deletion_protection_cannot_be_deleted(aws: Any, refused: Refused) -> None:
    balancer = aws.load_balancer()
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    aws.elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=on)
    assert refused(aws.elbv2.delete_load_balancer, LoadBalancerArn=balancer) == "OperationNotPermitted"


# ---- what is not valid


def test_an_application_load_balancer_needs_two_zones_and_a_network_one_only_one(aws: Any, refused: Refused) -> None:
    one = {"Subnets": [aws.world.subnets["private-a"]]}
    codes = refused(aws.load_balancer, "a", **one), refused(aws.load_balancer, "n", Type="network", **one)
    assert codes == ("ValidationError", "")


def test_a_load_balancer_has_one_subnet_per_zone(aws: Any, refused: Refused) -> None:
    subnets = [aws.world.subnets["private-a"], aws.world.subnets["public-a"]]
    assert refused(aws.load_balancer, Type="network", Subnets=subnets) == "InvalidConfigurationRequest"


def test_a_load_balancers_security_groups_must_exist(aws: Any, refused: Refused) -> None:
    assert refused(aws.load_balancer, SecurityGroups=["sg-0123456789abcdef0"]) == "InvalidSecurityGroup"


def test_a_port_has_one_listener_whatever_its_protocol(aws: Any, refused: Refused) -> None:
    balancer = aws.load_balancer(Type="network")
    tcp = aws.target_group("tcp", Protocol="TCP")
    udp = aws.target_group("udp", Protocol="UDP")
    aws.listener(balancer, tcp, Protocol="TCP")
    assert refused(aws.listener, balancer, udp, Protocol="UDP") == "DuplicateListener"


def test_a_listener_cannot_be_moved_to_a_taken_port(aws: Any, refused: Refused) -> None:
    balancer = aws.load_balancer()
    aws.listener(balancer, port=80)
    other = aws.listener(balancer, port=81)
    assert refused(aws.elbv2.modify_listener, ListenerArn=other, Port=80) == "DuplicateListener"


def test_an_https_listener_needs_a_certificate(aws: Any, refused: Refused) -> None:
    assert refused(aws.listener, aws.load_balancer(), port=443, Protocol="HTTPS") == "ValidationError"


def test_an_https_listeners_policy_must_exist(aws: Any, refused: Refused) -> None:
    certificate = aws.session.client("acm").request_certificate(DomainName="example.com")["CertificateArn"]
    wanted = {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": certificate}], "SslPolicy": "none-such"}
    assert refused(aws.listener, aws.load_balancer(), port=443, **wanted) == "SSLPolicyNotFound"


# ---- quotas


def test_a_load_balancer_has_so_many_rules(aws: Any, refused: Refused, moto_behaviour: Behaviour) -> None:
    moto_behaviour.rules_per_load_balancer = 2
    listener = aws.listener(aws.load_balancer())
    assert [refused(aws.rule, listener, priority) for priority in (1, 2, 3)] == ["", "", "TooManyRules"]


def test_a_load_balancer_has_so_many_listeners(aws: Any, refused: Refused, moto_behaviour: Behaviour) -> None:
    moto_behaviour.listeners_per_load_balancer = 1
    balancer = aws.load_balancer()
    assert [refused(aws.listener, balancer, port=port) for port in (80, 81)] == ["", "TooManyListeners"]


def test_a_target_group_has_so_many_targets(aws: Any, refused: Refused, moto_behaviour: Behaviour) -> None:
    moto_behaviour.targets_per_target_group = 1
    group = aws.target_group()
    register = aws.elbv2.register_targets
    addresses = ("192.168.96.1", "192.168.96.1", "192.168.96.2")
    codes = [refused(register, TargetGroupArn=group, Targets=[{"Id": one}]) for one in addresses]
    assert codes == ["", "", "TooManyTargets"]


def test_an_action_forwards_to_at_most_five_target_groups(aws: Any, refused: Refused) -> None:
    groups = [aws.target_group(f"group-{number}") for number in range(6)]
    listener = aws.listener(aws.load_balancer())
    codes = refused(aws.rule, listener, 1, forward(*groups[:5])), refused(aws.rule, listener, 2, forward(*groups))
    assert codes == ("", "TooManyTargetGroups")


def test_a_resource_has_up_to_fifty_tags(aws: Any, refused: Refused) -> None:
    group = aws.target_group()
    tags = [{"Key": f"key-{number}", "Value": "x"} for number in range(51)]
    codes = [refused(aws.elbv2.add_tags, ResourceArns=[group], Tags=tags[:many]) for many in (50, 51)]
    assert codes == ["", "TooManyTags"]


# ---- targets


def test_a_target_is_an_address_and_a_port(aws: Any) -> None:
    group = aws.target_group()
    targets = [{"Id": "192.168.97.1", "Port": port} for port in (80, 81)]
    aws.elbv2.register_targets(TargetGroupArn=group, Targets=targets)
    aws.elbv2.deregister_targets(TargetGroupArn=group, Targets=targets[:1])
    assert aws.target_states(group) == {("192.168.97.1", 81): "healthy"}


def test_deregistering_what_is_not_registered_is_no_error(aws: Any, refused: Refused) -> None:
    gone = [{"Id": "192.168.97.9", "Port": 80}]
    assert refused(aws.elbv2.deregister_targets, TargetGroupArn=aws.target_group(), Targets=gone) == ""


def test_a_target_drains_before_it_is_gone(aws: Any, moto_behaviour: Behaviour) -> None:
    moto_behaviour.draining_seconds = 3600
    group, target = aws.target_group(), [{"Id": "192.168.97.1", "Port": 80}]
    aws.elbv2.register_targets(TargetGroupArn=group, Targets=target)
    aws.elbv2.deregister_targets(TargetGroupArn=group, Targets=target)
    assert aws.target_states(group) == {("192.168.97.1", 80): "draining"}


def test_a_target_is_gone_at_once_when_its_group_has_no_deregistration_delay(
    aws: Any, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.draining_seconds = 3600
    group, target = aws.target_group(), [{"Id": "192.168.97.1", "Port": 80}]
    none = [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]
    aws.elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=none)
    aws.elbv2.register_targets(TargetGroupArn=group, Targets=target)
    aws.elbv2.deregister_targets(TargetGroupArn=group, Targets=target)
    assert aws.target_states(group) == {}


def test_a_draining_target_that_is_registered_again_is_healthy(aws: Any, moto_behaviour: Behaviour) -> None:
    moto_behaviour.draining_seconds = 3600
    group, target = aws.target_group(), [{"Id": "192.168.97.1", "Port": 80}]
    for call in (aws.elbv2.register_targets, aws.elbv2.deregister_targets, aws.elbv2.register_targets):
        call(TargetGroupArn=group, Targets=target)
    assert aws.target_states(group) == {("192.168.97.1", 80): "healthy"}


def test_a_targets_zone_is_kept(aws: Any) -> None:
    group, target = aws.target_group(), {"Id": "10.0.0.1", "Port": 80, "AvailabilityZone": "all"}
    aws.elbv2.register_targets(TargetGroupArn=group, Targets=[target])
    described = aws.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert [target] == [one["Target"] for one in described]


# ---- what is kept


def test_rules_may_exchange_their_priorities_in_one_call(aws: Any) -> None:
    listener = aws.listener(aws.load_balancer())
    first, second = aws.rule(listener, 1), aws.rule(listener, 2)
    exchanged = [{"RuleArn": first, "Priority": 2}, {"RuleArn": second, "Priority": 1}]
    aws.elbv2.set_rule_priorities(RulePriorities=exchanged)
    rules = aws.elbv2.describe_rules(ListenerArn=listener)["Rules"]
    assert {first: "2", second: "1"} == {one["RuleArn"]: one["Priority"] for one in rules if not one["IsDefault"]}


def test_a_rule_keeps_its_transforms(aws: Any) -> None:
    rule = aws.rule(aws.listener(aws.load_balancer()), 1)
    rewrite = {"Rewrites": [{"Regex": "^/a", "Replace": "/b"}]}
    transform = {"Type": "url-rewrite", "UrlRewriteConfig": rewrite}
    aws.elbv2.modify_rule(RuleArn=rule, Transforms=[transform], Actions=aws_not_found())
    assert [transform] == aws.elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Transforms"]


def aws_not_found() -> list[dict[str, Any]]:
    """Actions that answer 404."""
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]


def test_a_listener_keeps_its_mutual_authentication(aws: Any) -> None:
    certificate = aws.session.client("acm").request_certificate(DomainName="example.com")["CertificateArn"]
    mutual = {"Mode": "passthrough"}
    wanted = {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": certificate}], "MutualAuthentication": mutual}
    policy = "ELBSecurityPolicy-2016-08"
    listener = aws.listener(aws.load_balancer(), port=443, SslPolicy=policy, **wanted)
    described = aws.elbv2.describe_listeners(ListenerArns=[listener])["Listeners"][0]
    assert described["MutualAuthentication"]["Mode"] == "passthrough"


def test_a_network_load_balancers_arn_and_its_listeners_say_what_it_is(aws: Any) -> None:
    tags = [{"Key": "a", "Value": "b"}]
    balancer = aws.load_balancer("n", Type="network", Tags=tags)
    listener = aws.listener(balancer, aws.target_group(Protocol="TCP"), Protocol="TCP")
    described = aws.elbv2.describe_tags(ResourceArns=[balancer, listener])["TagDescriptions"]
    assert (":loadbalancer/net/n/" in balancer, ":listener/net/n/" in listener) == (True, True)
    assert [(balancer, tags), (listener, [])] == [(one["ResourceArn"], one["Tags"]) for one in described]


def test_a_network_load_balancer_keeps_its_fixed_addresses(aws: Any) -> None:
    mapping = {"SubnetId": aws.world.subnets["private-a"], "PrivateIPv4Address": "192.168.96.99"}
    balancer = aws.load_balancer("n", Type="network", Subnets=[], SubnetMappings=[mapping])
    zone = aws.elbv2.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"][0]["AvailabilityZones"][0]
    assert zone["LoadBalancerAddresses"] == [{"PrivateIPv4Address": "192.168.96.99"}]


def test_a_capacity_reservation_is_kept_and_reset(aws: Any) -> None:
    balancer = aws.load_balancer()
    aws.elbv2.describe_load_balancers(LoadBalancerArns=[balancer])  # by which it becomes active
    wanted = {"LoadBalancerArn": balancer, "MinimumLoadBalancerCapacity": {"CapacityUnits": 3000}}
    kept = aws.elbv2.modify_capacity_reservation(**wanted)["MinimumLoadBalancerCapacity"]
    aws.elbv2.modify_capacity_reservation(LoadBalancerArn=balancer, ResetCapacityReservation=True)
    after = aws.elbv2.describe_capacity_reservation(LoadBalancerArn=balancer)
    assert (kept, after.get("MinimumLoadBalancerCapacity")) == ({"CapacityUnits": 3000}, None)


def test_capacity_cannot_be_reserved_while_a_load_balancer_is_provisioning(aws: Any, refused: Refused) -> None:
    balancer = aws.load_balancer()
    wanted = {"LoadBalancerArn": balancer, "MinimumLoadBalancerCapacity": {"CapacityUnits": 3000}}
    while_provisioning = refused(aws.elbv2.modify_capacity_reservation, **wanted)
    aws.elbv2.describe_load_balancers(LoadBalancerArns=[balancer])
    then = refused(aws.elbv2.modify_capacity_reservation, **wanted)
    assert ("OperationNotPermitted", "") == (while_provisioning, then)


def test_capacity_is_modified_by_units_or_by_a_reset(aws: Any, refused: Refused) -> None:
    balancer = aws.load_balancer()
    aws.elbv2.describe_load_balancers(LoadBalancerArns=[balancer])
    none = refused(aws.elbv2.modify_capacity_reservation, LoadBalancerArn=balancer)
    stranger = refused(aws.elbv2.describe_capacity_reservation, LoadBalancerArn=f"{balancer}0")
    assert ("InvalidConfigurationRequest", "LoadBalancerNotFound") == (none, stranger)


# ---- certificates


def certificate(aws: Any, domain: str) -> str:
    """The ARN of a new certificate."""
    return str(aws.session.client("acm").request_certificate(DomainName=domain)["CertificateArn"])


def a_listener_with(aws: Any, default: str, protocol: str = "HTTPS") -> str:
    kinds = {"HTTPS": ("application", "HTTP"), "TLS": ("network", "TCP")}
    type_of_balancer, protocol_of_group = kinds[protocol]
    balancer, group = aws.load_balancer(Type=type_of_balancer), aws.target_group(Protocol=protocol_of_group)
    tls = {"Protocol": protocol, "SslPolicy": "ELBSecurityPolicy-2016-08"}
    return str(aws.listener(balancer, group, port=443, Certificates=[{"CertificateArn": default}], **tls))


def certificates(aws: Any, listener: str) -> tuple[list[str], set[str]]:
    """The default ones that are told, and the list."""
    told = aws.elbv2.describe_listener_certificates(ListenerArn=listener)["Certificates"]
    listed = [one["CertificateArn"] for one in told if not one["IsDefault"]]
    assert len(listed) == len(set(listed))
    return [one["CertificateArn"] for one in told if one["IsDefault"]], set(listed)


def on_listener(listener: str, arn: str) -> dict[str, Any]:
    return {"ListenerArn": listener, "Certificates": [{"CertificateArn": arn}]}


@pytest.mark.parametrize("protocol", ["HTTPS", "TLS"])
def test_the_certificate_list_outlives_a_new_default_certificate(protocol: str, aws: Any) -> None:
    one, two, three = (certificate(aws, f"{name}.example.com") for name in ("one", "two", "three"))
    listener = a_listener_with(aws, one, protocol)
    for arn in (one, two, two):
        aws.elbv2.add_listener_certificates(**on_listener(listener, arn))
    before = certificates(aws, listener)
    aws.elbv2.modify_listener(Protocol=protocol, **on_listener(listener, three))
    assert [([one], {one, two}), ([three], {one, two})] == [before, certificates(aws, listener)]


def test_a_listener_names_its_default_certificate_alone(aws: Any) -> None:
    one, two = certificate(aws, "one.example.com"), certificate(aws, "two.example.com")
    listener = a_listener_with(aws, one)
    aws.elbv2.add_listener_certificates(**on_listener(listener, two))
    described = aws.elbv2.describe_listeners(ListenerArns=[listener])["Listeners"][0]
    assert [{"CertificateArn": one}] == described["Certificates"]


def test_a_default_certificate_leaves_the_list_but_stays_the_default_one(aws: Any, refused: Refused) -> None:
    one = certificate(aws, "one.example.com")
    listener = a_listener_with(aws, one)
    aws.elbv2.add_listener_certificates(**on_listener(listener, one))
    codes = [refused(aws.elbv2.remove_listener_certificates, **on_listener(listener, one)) for _ in range(2)]
    assert (["", "OperationNotPermitted"], ([one], set())) == (codes, certificates(aws, listener))


@pytest.mark.parametrize(("protocol", "plain"), [("HTTPS", "HTTP"), ("TLS", "TCP")])
def test_a_listener_that_leaves_tls_has_no_certificates(protocol: str, plain: str, aws: Any, refused: Refused) -> None:
    one = certificate(aws, "one.example.com")
    listener = a_listener_with(aws, one, protocol)
    aws.elbv2.add_listener_certificates(**on_listener(listener, one))
    aws.elbv2.modify_listener(ListenerArn=listener, Protocol=plain)
    added = refused(aws.elbv2.add_listener_certificates, **on_listener(listener, one))
    back = refused(aws.elbv2.modify_listener, ListenerArn=listener, Protocol=protocol)
    assert (([], set()), "ValidationError") == (certificates(aws, listener), added)
    assert back == "InvalidConfigurationRequest"


def test_only_certificates_that_exist_come_to_a_listener(aws: Any, refused: Refused) -> None:
    one = certificate(aws, "one.example.com")
    listener, gone = a_listener_with(aws, one), f"{one[:-1]}-"
    added = refused(aws.elbv2.add_listener_certificates, **on_listener(listener, gone))
    default = refused(aws.elbv2.modify_listener, **on_listener(listener, gone))
    assert ("CertificateNotFound", "CertificateNotFound") == (added, default)


def test_the_lists_of_a_load_balancer_have_25_certificates_together(aws: Any, refused: Refused) -> None:
    arns = [certificate(aws, f"{number}.example.com") for number in range(26)]
    listener = a_listener_with(aws, arns[0])
    codes = [refused(aws.elbv2.add_listener_certificates, **on_listener(listener, arn)) for arn in arns]
    again = refused(aws.elbv2.add_listener_certificates, **on_listener(listener, arns[0]))
    assert ([""] * 25 + ["TooManyCertificates"], "") == (codes, again)


def test_a_subnets_ipv6_network_says_that_it_is_associated(aws: Any) -> None:
    subnet = aws.ec2.describe_subnets(SubnetIds=[aws.world.subnets["public-a"]])["Subnets"][0]
    states = [one["Ipv6CidrBlockState"] for one in subnet["Ipv6CidrBlockAssociationSet"]]
    assert states == [{"State": "associated"}]


def test_a_network_interface_is_found_by_a_secondary_address(aws: Any) -> None:
    subnet = aws.world.subnets["private-a"]
    made = aws.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    aws.ec2.assign_private_ip_addresses(NetworkInterfaceId=made, PrivateIpAddresses=["192.168.97.7"])
    by_address = [{"Name": "addresses.private-ip-address", "Values": ["192.168.97.7", "192.168.97.8"]}]
    found = aws.ec2.describe_network_interfaces(Filters=by_address)["NetworkInterfaces"]
    assert [made] == [one["NetworkInterfaceId"] for one in found]


def test_a_web_acl_takes_the_place_of_another(aws: Any) -> None:
    waf, balancer = aws.session.client("wafv2"), aws.load_balancer()
    visibility = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
    wanted = {"Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": visibility}
    first, second = (waf.create_web_acl(Name=name, **wanted)["Summary"]["ARN"] for name in ("first", "second"))
    for arn in (first, second):
        waf.associate_web_acl(WebACLArn=arn, ResourceArn=balancer)
    assert second == waf.get_web_acl_for_resource(ResourceArn=balancer)["WebACL"]["ARN"]
    waf.disassociate_web_acl(ResourceArn=balancer)
    assert "WebACL" not in waf.get_web_acl_for_resource(ResourceArn=balancer)


def test_shield_tells_whether_it_is_subscribed_to(aws: Any) -> None:
    shield = aws.session.client("shield")
    assert "INACTIVE" == shield.get_subscription_state()["SubscriptionState"]
    shield.create_subscription()
    assert "ACTIVE" == shield.get_subscription_state()["SubscriptionState"]


# ---- signing in


def sign_in(**more: Any) -> list[dict[str, Any]]:
    endpoints = dict.fromkeys(("AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint"), "https://id")
    config = {"Issuer": "https://id", "ClientId": "shop", **endpoints, **more}
    return [
        {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": config},
        {**aws_not_found()[0], "Order": 2},
    ]


def a_sign_in_rule(aws: Any) -> str:
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}}]
    made = aws.elbv2.create_rule(
        ListenerArn=aws.listener(aws.load_balancer()),
        Priority=1,
        Conditions=conditions,
        Actions=sign_in(ClientSecret="hush"),
    )
    return str(made["Rules"][0]["RuleArn"])


def test_a_client_secret_is_never_told(aws: Any) -> None:
    described = aws.elbv2.describe_rules(RuleArns=[a_sign_in_rule(aws)])["Rules"][0]["Actions"]
    assert sign_in()[0]["AuthenticateOidcConfig"] == described[0]["AuthenticateOidcConfig"]


def test_a_modification_keeps_a_client_secret_only_where_it_says_so(aws: Any, refused: Refused) -> None:
    arn = a_sign_in_rule(aws)
    assert "" == refused(aws.elbv2.modify_rule, RuleArn=arn, Actions=sign_in(UseExistingClientSecret=True))
    assert "ValidationError" == refused(aws.elbv2.modify_rule, RuleArn=arn, Actions=sign_in())


def test_there_is_no_client_secret_to_keep_where_there_was_none(aws: Any, refused: Refused) -> None:
    listener = aws.listener(aws.load_balancer())
    actions = sign_in(UseExistingClientSecret=True)
    assert "ValidationError" == refused(aws.elbv2.modify_listener, ListenerArn=listener, DefaultActions=actions)


# ---- the server


def test_the_server_has_the_extensions_and_takes_its_behaviour_from_the_environment(
    tmp_path: Path, refused: Refused
) -> None:
    server = MotoServer(root=tmp_path, behaviour=Behaviour(listeners_per_load_balancer=0))
    server.start()
    try:
        session = local_session()
        ec2 = session.client("ec2", endpoint_url=server.url)
        elbv2 = session.client("elbv2", endpoint_url=server.url)
        subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"][:2]]
        balancer = elbv2.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        wanted = {"Protocol": "HTTP", "Port": 80, "DefaultActions": aws_not_found()}
        assert refused(elbv2.create_listener, LoadBalancerArn=balancer, **wanted) == "TooManyListeners"
    finally:
        server.stop()


def test_behaviour_reads_each_number_in_its_own_kind() -> None:
    environment = {variable("draining_seconds"): "1.5", variable("rules_per_load_balancer"): "7"}
    read = Behaviour.from_environment(environment)
    assert (read.draining_seconds, read.rules_per_load_balancer, read.tags_per_resource) == (1.5, 7, 50)
