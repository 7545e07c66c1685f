"""Carries out the steps of a plan: for each kind of step exactly the calls that its docstring names.

Nothing is retried here and nothing is looked up that the step does not say; what a delete finds gone is fine. A create
answered with `AwsAlreadyExists`, or not at all, may have happened: the caller forgets the stack and plans afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from aws_lb_controller.aws import client_secrets
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.client_secrets import ClientSecrets
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.errors import TOO_MANY_CERTIFICATES, TOO_MANY_RULES, tolerating
from aws_lb_controller.aws.firewalls import Firewalls
from aws_lb_controller.aws.security_group_rules import SecurityGroupRules
from aws_lb_controller.aws.wire import listener as wire_listener
from aws_lb_controller.aws.wire import load_balancer as wire_load_balancer
from aws_lb_controller.aws.wire import rule as wire_rule
from aws_lb_controller.aws.wire import security_group as wire_security_group
from aws_lb_controller.aws.wire import tags as wire_tags
from aws_lb_controller.aws.wire import target_group as wire_target_group
from aws_lb_controller.errors import AwsError, AwsNotFound, AwsRefused, AwsUnavailable, NotYet
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.security_group import IngressRule
from aws_lb_controller.plan import steps
from aws_lb_controller.plan.effects import Given
from aws_lb_controller.settings import Settings


class Applier:
    """Thread-safe, as the clients are. Steps come with every reference resolved; binding steps are not its business.

    secrets: the text of client secrets, of which the steps know only where they stand.
    """

    def __init__(
        self,
        clients: Clients,
        settings: Settings,
        backend: BackendSecurityGroup,
        secrets: ClientSecrets = lambda _namespace, _name: None,
    ) -> None:
        # untyped: the parameters are built as plain dictionaries in `wire`
        self._elbv2: Any = clients.elbv2
        self._ec2: Any = clients.ec2
        self._vpc_id = clients.vpc_id
        self._until_active = settings.lb_stabilization_monitor_interval.total_seconds()
        self._rules = SecurityGroupRules(clients, cluster=settings.cluster_name)
        self._backend, self._secrets = backend, secrets
        firewalls = Firewalls(clients)
        self._carry_out: Mapping[type, Callable[[Any], Given | None]] = {
            steps.EnsureBackendSecurityGroup: self._ensure_backend_security_group,
            steps.CreateSecurityGroup: self._create_security_group,
            steps.SetSecurityGroupIngress: self._set_security_group_ingress,
            steps.DeleteSecurityGroup: self._delete_security_group,
            steps.CreateTargetGroup: self._create_target_group,
            steps.ModifyTargetGroup: self._modify_target_group,
            steps.ModifyTargetGroupAttributes: self._modify_target_group_attributes,
            steps.DeleteTargetGroup: self._delete_target_group,
            steps.RegisterLoadBalancer: self._register_load_balancer,
            steps.DeregisterLoadBalancer: self._deregister_load_balancer,
            steps.CreateLoadBalancer: self._create_load_balancer,
            steps.SetSubnets: self._set_subnets,
            steps.SetSecurityGroups: self._set_security_groups,
            steps.SetIpAddressType: self._set_ip_address_type,
            steps.ModifyIpPools: self._modify_ip_pools,
            steps.ModifyLoadBalancerAttributes: self._modify_load_balancer_attributes,
            steps.ModifyCapacityReservation: self._modify_capacity_reservation,
            steps.DeleteLoadBalancer: self._delete_load_balancer,
            steps.AssociateWebAcl: firewalls.associate,
            steps.DisassociateWebAcl: firewalls.disassociate,
            steps.CreateShieldProtection: firewalls.protect,
            steps.DeleteShieldProtection: firewalls.unprotect,
            steps.CreateListener: self._create_listener,
            steps.ModifyListener: self._modify_listener,
            steps.SetListenerCertificates: self._set_listener_certificates,
            steps.ModifyListenerAttributes: self._modify_listener_attributes,
            steps.DeleteListener: self._delete_listener,
            steps.CreateRule: self._create_rule,
            steps.ModifyRule: self._modify_rule,
            steps.SetRulePriorities: self._set_rule_priorities,
            steps.DeleteRule: self._delete_rule,
            steps.SetTags: self._set_tags,
        }

    def carry_out(self, step: steps.Step) -> Given | None:
        """Does it; returns what AWS answered where the step makes something.

        Raises `AwsError`, `NotLeading`, and `NotYet` where AWS would refuse what it will take later.
        """
        return self._carry_out[type(step)](step)

    # --- security groups ---

    def _ensure_backend_security_group(self, _: steps.EnsureBackendSecurityGroup) -> Given:
        return Given(arn=self._backend.ensure())

    def _create_security_group(self, step: steps.CreateSecurityGroup) -> Given:
        group_id = self._ec2.create_security_group(**wire_security_group.create(step.group, vpc_id=self._vpc_id))[
            "GroupId"
        ]
        if step.group.ingress:
            self._rules.authorize(group_id, step.group.ingress)
        return Given(arn=group_id)

    def _set_security_group_ingress(self, step: steps.SetSecurityGroupIngress) -> None:
        wanted = {wire_security_group.permits(rule): rule for rule in step.ingress}
        there = self._ingress(step.group_id)
        missing = [rule for permit, rule in wanted.items() if permit not in there]
        if missing:
            self._authorize(step.group_id, missing, too_much=_without(there, wanted))
        if not _without(there, wanted):
            return
        if missing:
            there = self._ingress_with(step.group_id, wanted)
        if too_much := _without(there, wanted):
            self._rules.revoke(step.group_id, too_much)

    def _ingress_with(self, group_id: str, wanted: Mapping[IngressRule, IngressRule]) -> dict[IngressRule, IngressRule]:
        """The group's rules, once all that is wanted is among them: before that nothing may be revoked."""
        there = self._ingress(group_id)
        if wanted.keys() - there.keys():
            code, message = "RulesMissing", f"{group_id} does not show rules that were authorized just now"
            raise AwsUnavailable("DescribeSecurityGroups", code, message)
        return there

    def _ingress(self, group_id: str) -> dict[IngressRule, IngressRule]:
        groups = self._rules.read([group_id])
        if group_id not in groups:
            raise AwsNotFound("DescribeSecurityGroups", "InvalidGroup.NotFound", f"there is no group {group_id}")
        return {wire_security_group.permits(rule): rule for rule in groups[group_id]}

    def _authorize(self, group_id: str, missing: Iterable[IngressRule], *, too_much: Iterable[IngressRule]) -> None:
        try:
            self._rules.authorize(group_id, missing)
        except AwsRefused as error:
            if error.code != TOO_MANY_RULES or not too_much:
                raise
            # both together exceed the quota: only here room is made first, for otherwise it would never come right
            self._rules.revoke(group_id, too_much)
            self._rules.authorize(group_id, missing)

    def _delete_security_group(self, step: steps.DeleteSecurityGroup) -> None:
        with tolerating(AwsNotFound):
            self._ec2.delete_security_group(GroupId=step.group_id)

    # --- target groups ---

    def _create_target_group(self, step: steps.CreateTargetGroup) -> Given:
        created = self._elbv2.create_target_group(**wire_target_group.create(step.group))["TargetGroups"][0]
        arn = created["TargetGroupArn"]
        self._put_target_group_attributes(arn, step.group.attributes)
        return Given(arn=arn)

    def _modify_target_group(self, step: steps.ModifyTargetGroup) -> None:
        self._elbv2.modify_target_group(**wire_target_group.modify(step.arn, step.group))

    def _modify_target_group_attributes(self, step: steps.ModifyTargetGroupAttributes) -> None:
        self._put_target_group_attributes(step.arn, step.attributes)

    def _put_target_group_attributes(self, arn: str, attributes: Mapping[str, str]) -> None:
        if attributes:
            self._elbv2.modify_target_group_attributes(
                TargetGroupArn=arn, Attributes=wire_tags.attributes_to_aws(attributes)
            )

    def _delete_target_group(self, step: steps.DeleteTargetGroup) -> None:
        with tolerating(AwsNotFound):
            self._elbv2.delete_target_group(TargetGroupArn=step.arn)

    # --- load balancers as targets ---

    def _register_load_balancer(self, step: steps.RegisterLoadBalancer) -> None:
        target, arn = wire_target_group.target(step.target), step.target.load_balancer
        try:
            self._elbv2.register_targets(TargetGroupArn=step.target_group, Targets=[target])
        except AwsRefused as error:
            described = self._elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
            if all(lb["State"]["Code"] != "provisioning" for lb in described):
                raise
            raise NotYet(f"{arn} is provisioning: no target yet ({error})", after=self._until_active) from error

    def _deregister_load_balancer(self, step: steps.DeregisterLoadBalancer) -> None:
        with tolerating(AwsNotFound):
            self._elbv2.deregister_targets(
                TargetGroupArn=step.target_group, Targets=[wire_target_group.target(step.target)]
            )

    # --- load balancers ---

    def _create_load_balancer(self, step: steps.CreateLoadBalancer) -> Given:
        lb = step.load_balancer
        created = self._elbv2.create_load_balancer(**wire_load_balancer.create(lb))["LoadBalancers"][0]
        arn = created["LoadBalancerArn"]
        self._put_load_balancer_attributes(arn, lb.attributes)
        self._finish_load_balancer(arn, lb)
        return Given(
            arn=arn,
            dns_name=created.get("DNSName", ""),
            hosted_zone_id=created.get("CanonicalHostedZoneId", ""),
        )

    def _finish_load_balancer(self, arn: str, lb: LoadBalancer) -> None:
        """What CreateLoadBalancer has no parameter for."""
        if lb.inbound_rules_on_private_link is not None and lb.security_groups:
            switch = lb.inbound_rules_on_private_link
            self._set_security_groups(
                steps.SetSecurityGroups(
                    arn=arn, security_groups=lb.security_groups, inbound_rules_on_private_link=switch
                )
            )

    def _set_subnets(self, step: steps.SetSubnets) -> None:
        self._elbv2.set_subnets(**wire_load_balancer.set_subnets(step))

    def _set_security_groups(self, step: steps.SetSecurityGroups) -> None:
        self._elbv2.set_security_groups(**wire_load_balancer.set_security_groups(step))

    def _set_ip_address_type(self, step: steps.SetIpAddressType) -> None:
        self._elbv2.set_ip_address_type(LoadBalancerArn=step.arn, IpAddressType=step.ip_address_type)

    def _modify_ip_pools(self, step: steps.ModifyIpPools) -> None:
        self._elbv2.modify_ip_pools(**wire_load_balancer.modify_ip_pools(step))

    def _modify_load_balancer_attributes(self, step: steps.ModifyLoadBalancerAttributes) -> None:
        self._put_load_balancer_attributes(step.arn, step.attributes)

    def _put_load_balancer_attributes(self, arn: str, attributes: Mapping[str, str]) -> None:
        if attributes:
            self._elbv2.modify_load_balancer_attributes(
                LoadBalancerArn=arn, Attributes=wire_tags.attributes_to_aws(attributes)
            )

    def _modify_capacity_reservation(self, step: steps.ModifyCapacityReservation) -> None:
        described = self._elbv2.describe_load_balancers(LoadBalancerArns=[step.load_balancer])["LoadBalancers"]
        if any(lb["State"]["Code"] == "provisioning" for lb in described):
            raise NotYet(f"{step.load_balancer} is provisioning: no capacity yet", after=self._until_active)
        self._elbv2.modify_capacity_reservation(**wire_load_balancer.modify_capacity(step))

    def _delete_load_balancer(self, step: steps.DeleteLoadBalancer) -> None:
        with tolerating(AwsNotFound):
            self._elbv2.delete_load_balancer(LoadBalancerArn=step.arn)

    # --- listeners and rules ---

    def _create_listener(self, step: steps.CreateListener) -> Given:
        listener = step.listener
        actions = client_secrets.for_creation(listener.default_actions, self._secrets)
        sent = wire_listener.create(replace(listener, default_actions=actions))
        arn = self._elbv2.create_listener(**sent)["Listeners"][0]["ListenerArn"]
        self._add_certificates(arn, listener.certificates)
        self._put_listener_attributes(arn, listener.attributes)
        return Given(arn=arn)

    def _modify_listener(self, step: steps.ModifyListener) -> None:
        actions = client_secrets.for_modification(step.listener.default_actions, self._secrets)
        sent = wire_listener.modify(step.arn, replace(step.listener, default_actions=actions))
        self._elbv2.modify_listener(**sent)

    def _set_listener_certificates(self, step: steps.SetListenerCertificates) -> None:
        try:
            self._add_certificates(step.arn, step.add)
        except AwsRefused as error:
            if error.code != TOO_MANY_CERTIFICATES or not (step.remove or step.spare):
                raise
            # both together exceed the quota: only here room is made first, for otherwise it would never come right
            self._remove_certificates(step.arn, (*step.remove, *step.spare))
            self._add_certificates(step.arn, step.add)
        else:
            self._remove_certificates(step.arn, step.remove, refusable=step.may_be_gone)

    def _add_certificates(self, arn: str, certificates: Iterable[str]) -> None:
        for certificate in wire_listener.certificates(certificates):  # AWS takes one a call
            try:
                self._elbv2.add_listener_certificates(ListenerArn=arn, Certificates=[certificate])
            except AwsError as error:
                error.about = ("Certificate", certificate["CertificateArn"])
                raise

    def _remove_certificates(self, arn: str, certificates: Iterable[str], *, refusable: bool = False) -> None:
        tolerated = (AwsNotFound, AwsRefused) if refusable else (AwsNotFound,)
        for certificate in wire_listener.certificates(certificates):
            with tolerating(*tolerated):
                self._elbv2.remove_listener_certificates(ListenerArn=arn, Certificates=[certificate])

    def _modify_listener_attributes(self, step: steps.ModifyListenerAttributes) -> None:
        self._put_listener_attributes(step.arn, step.attributes)

    def _put_listener_attributes(self, arn: str, attributes: Mapping[str, str]) -> None:
        if attributes:
            self._elbv2.modify_listener_attributes(ListenerArn=arn, Attributes=wire_tags.attributes_to_aws(attributes))

    def _delete_listener(self, step: steps.DeleteListener) -> None:
        with tolerating(AwsNotFound):
            self._elbv2.delete_listener(ListenerArn=step.arn)

    def _create_rule(self, step: steps.CreateRule) -> Given:
        actions = client_secrets.for_creation(step.rule.actions, self._secrets)
        made = self._elbv2.create_rule(**wire_rule.create(replace(step.rule, actions=actions)))
        return Given(arn=made["Rules"][0]["RuleArn"])

    def _modify_rule(self, step: steps.ModifyRule) -> None:
        actions = client_secrets.for_modification(step.rule.actions, self._secrets)
        self._elbv2.modify_rule(**wire_rule.modify(step.arn, replace(step.rule, actions=actions)))

    def _set_rule_priorities(self, step: steps.SetRulePriorities) -> None:
        pairs = [{"RuleArn": arn, "Priority": priority} for arn, priority in step.priorities.items()]
        self._elbv2.set_rule_priorities(RulePriorities=pairs)

    def _delete_rule(self, step: steps.DeleteRule) -> None:
        with tolerating(AwsNotFound):
            self._elbv2.delete_rule(RuleArn=step.arn)

    # --- tags ---

    def _set_tags(self, step: steps.SetTags) -> None:
        add, remove = wire_tags.to_aws(step.add), sorted(step.remove)
        if step.service == "ec2":
            self._set_ec2_tags(step.arn, add=add, remove=remove)
            return
        if add:
            self._elbv2.add_tags(ResourceArns=[step.arn], Tags=add)
        if remove:
            self._elbv2.remove_tags(ResourceArns=[step.arn], TagKeys=remove)

    def _set_ec2_tags(self, resource: str, *, add: list[dict[str, str]], remove: list[str]) -> None:
        if add:
            self._ec2.create_tags(Resources=[resource], Tags=add)
        if remove:
            self._ec2.delete_tags(Resources=[resource], Tags=wire_tags.keys(remove))


def _without(there: Mapping[IngressRule, IngressRule], wanted: Mapping[IngressRule, IngressRule]) -> list[IngressRule]:
    return [rule for permit, rule in there.items() if permit not in wanted]
