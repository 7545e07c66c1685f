"""Users sign in, and the Secret behind it is followed: made later, changed, deleted, and never seen anywhere else."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from group_world import ALB, GROUP, GroupWorld, a_backend_service, an_issued_certificate
from moto.elbv2.models import elbv2_backends

from aws_lb_controller.api.names import CLIENT_SECRETS_ANNOTATION, DEPLOYED_ANNOTATION
from aws_lb_controller.cluster.kinds import SECRET, SERVICE, TARGET_GROUP_BINDING
from builders_ingress import FIXED, a_backend, a_path, a_rule, an_action_path, an_ingress
from builders_kube import a_secret
from simulated_cluster import Obj, samples
from simulation import Death

HUSH, OTHER = "hush-hush-hush", "another-secret-of-theirs"
PROVIDER = {
    "issuer": "https://id.example.com",
    "authorizationEndpoint": "https://id.example.com/auth",
    "tokenEndpoint": "https://id.example.com/token",
    "userInfoEndpoint": "https://id.example.com/me",
    "secretName": "oidc",
}
POOL = {"userPoolARN": "arn:pool", "userPoolClientID": "client", "userPoolDomain": "shop-login"}
OIDC = {"auth-type": "oidc", "auth-idp-oidc": json.dumps(PROVIDER)}
COGNITO = {"auth-type": "cognito", "auth-idp-cognito": json.dumps(POOL)}


def a_client(name: str = "oidc", *, text: str = HUSH) -> Obj:
    return a_secret(name, clientID="shop", clientSecret=text)


class SignInWorld(GroupWorld):
    """Ingresses of the group with a certificate; what AWS has of client secrets can be told, though AWS does not."""

    def __init__(self, aws: Any, **settings: Any) -> None:
        super().__init__(aws, **settings)
        self.certificate = an_issued_certificate(aws, "*.example.com")
        self.cluster.apply(*samples("ingress-class"))

    def add(self, name: str, alb: dict[str, str], *, group: str | None = GROUP, **spec: Any) -> None:
        """An Ingress on HTTPS with a path and a Service of its name."""
        annotations = {"certificate-arn": self.certificate, **({"group.name": group} if group else {}), **alb}
        rules = [a_rule(a_path(f"/{name}", service=name))]
        ingress = an_ingress(name, alb=annotations, **{"rules": rules, **spec})
        self.cluster.apply(a_backend_service(name), ingress)

    def change(self, text: str, name: str = "oidc") -> None:
        """Somebody writes another client secret."""
        self.cluster.edit(SECRET, "shop", name, {"data": a_client(name, text=text)["data"]})

    def held(self) -> dict[str, str | None]:
        """What AWS has: path (``default`` for a default action) → client secret, of actions that sign in by OIDC."""
        (backends,) = elbv2_backends.values()
        balancers = backends[self.aws.world.region].load_balancers.values()
        rules = [rule for lb in balancers for listener in lb.listeners.values() for rule in listener.rules.values()]
        return {_path(r): a.client_secret for r in rules for a in r.actions if a.type == "authenticate-oidc"}

    def signed_in(self) -> Obj:
        """The one rule with a sign-in by OIDC, as AWS tells it."""
        listeners = [
            listener["ListenerArn"]
            for balancer in self.balancers()
            for listener in self.aws.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        ]
        rules = [r for arn in listeners for r in self.aws.elbv2.describe_rules(ListenerArn=arn)["Rules"]]
        (rule,) = (rule for rule in rules if rule["Actions"][0]["Type"] == "authenticate-oidc")
        return dict(rule)

    def secrets_sent(self) -> list[str]:
        """The client secrets in what was sent, in order."""
        return [v for sent in self.wire.sent for k, v in sent.parameters.items() if k.endswith(".ClientSecret")]


def _path(rule: Any) -> str:
    values = [v for c in rule.conditions for v in (c.get("PathPatternConfig") or {}).get("Values", ())]
    return str(values[0]) if values else "default"


@pytest.fixture
def world(aws: Any) -> SignInWorld:
    return SignInWorld(aws)


@pytest.fixture
def deployed(world: SignInWorld) -> SignInWorld:
    """One Ingress that signs in by OIDC, alone, and one that does not."""
    world.cluster.apply(a_client())
    world.add("web", OIDC, group=None)
    world.add("open", {}, group=None)
    world.run()
    assert [] == world.world.unexpected()
    assert {"/web": HUSH} == world.held()
    return world


def test_a_sign_in_stands_in_aws_as_it_was_written(deployed: SignInWorld) -> None:
    actions = deployed.signed_in()["Actions"]
    assert ["authenticate-oidc", "forward"] == [action["Type"] for action in actions]
    config = actions[0]["AuthenticateOidcConfig"]
    assert ("shop", "https://id.example.com/token") == (config["ClientId"], config["TokenEndpoint"])


# -- the Secret is followed


def test_a_changed_secret_costs_the_one_call_that_carries_it(deployed: SignInWorld) -> None:
    deployed.change(OTHER)
    deployed.run()
    assert ["ModifyRule"] == deployed.wire.operations
    assert [OTHER] == deployed.secrets_sent()
    assert {"/web": OTHER} == deployed.held()


def test_a_changed_client_name_is_followed_too(deployed: SignInWorld) -> None:
    client = a_secret(clientID="mall", clientSecret=HUSH)
    deployed.cluster.edit(SECRET, "shop", "oidc", {"data": client["data"]})
    deployed.run()
    assert ["ModifyRule"] == deployed.operations()
    assert "mall" == deployed.signed_in()["Actions"][0]["AuthenticateOidcConfig"]["ClientId"]


def test_a_label_on_the_secret_wakes_nobody(deployed: SignInWorld) -> None:
    deployed.cluster.edit(SECRET, "shop", "oidc", {"metadata": {"labels": {"team": "shop"}}})
    deployed.run()
    assert [] == deployed.wire.operations


def test_a_secret_for_a_default_backend_is_carried_by_the_listener(world: SignInWorld) -> None:
    world.cluster.apply(a_client())
    world.add("web", OIDC, rules=[], defaultBackend=a_backend("web"))
    world.run()
    world.change(OTHER)
    world.run()
    assert (["ModifyListener"], {"default": OTHER}) == (world.operations(), world.held())


def test_an_ingress_waits_for_its_secret_and_heals_when_it_comes(world: SignInWorld) -> None:
    world.add("web", OIDC, group=None)
    world.run()
    assert "make the Secret shop/oidc" in world.warned_of("web")
    assert [] == world.balancers()
    world.cluster.apply(a_client())
    world.run()
    assert (set(), {"/web": HUSH}) == (world.warned(), world.held())


def test_a_deleted_secret_changes_nothing_in_aws_and_is_told_to_its_ingress_alone(world: SignInWorld) -> None:
    world.cluster.apply(a_client())
    world.add("web", OIDC)
    world.add("open", {})
    world.run()
    world.cluster.delete(SECRET, "shop", "oidc")
    world.run()
    assert [] == world.operations()
    assert {"web"} == world.warned()
    assert "make the Secret shop/oidc" in world.warned_of("web")
    assert {"/web": HUSH} == world.held()


def test_the_others_of_the_group_go_on_without_the_secret_and_the_rule_keeps_what_aws_has(world: SignInWorld) -> None:
    world.cluster.apply(a_client())
    world.add("web", OIDC)
    world.run()
    world.cluster.delete(SECRET, "shop", "oidc")
    world.add("early", {"group.order": "-1"})
    world.run()
    assert ["/early", "/web"] == [rule["Conditions"][0]["PathPatternConfig"]["Values"][0] for rule in world.rules()]
    assert ({"/web": HUSH}, []) == (world.held(), world.secrets_sent())


def test_a_restart_without_the_secret_touches_nothing(world: SignInWorld) -> None:
    world.cluster.apply(a_client())
    world.add("web", OIDC)
    world.add("open", {})
    world.run()
    world.cluster.delete(SECRET, "shop", "oidc")
    world.restart()
    assert ([], {"web"}, {"/web": HUSH}) == (world.operations(), world.warned(), world.held())


def test_a_listener_that_changes_for_others_keeps_the_client_secret_that_aws_has(world: SignInWorld) -> None:
    world.cluster.apply(a_client())
    world.add("web", OIDC, rules=[], defaultBackend=a_backend("web"))
    world.add("open", {"ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"})
    world.run()
    world.cluster.delete(SECRET, "shop", "oidc")
    world.annotate("open", ssl_policy="ELBSecurityPolicy-2016-08")
    world.run()
    assert (["ModifyListener"], {"default": HUSH}, []) == (world.operations(), world.held(), world.secrets_sent())


def test_a_secret_made_anew_is_carried(world: SignInWorld) -> None:
    world.cluster.apply(a_client())
    world.add("web", OIDC)
    world.run()
    world.cluster.delete(SECRET, "shop", "oidc")
    world.run()
    world.cluster.apply(a_client(text=OTHER))
    world.run()
    assert (["ModifyRule"], {"/web": OTHER}) == (world.operations(), world.held())


def test_only_the_rules_of_the_changed_secret_are_touched(world: SignInWorld) -> None:
    second = json.dumps(PROVIDER | {"secretName": "second"})
    world.cluster.apply(a_client(), a_client("second"))
    world.add("web", OIDC)
    world.add("shop", OIDC | {"auth-idp-oidc": second})
    world.run()
    world.change(OTHER, "second")
    world.run()
    assert (["ModifyRule"], {"/web": HUSH, "/shop": OTHER}) == (world.operations(), world.held())


def test_a_service_that_names_a_secret_is_followed(world: SignInWorld) -> None:
    world.cluster.apply(a_client())
    world.add("web", {})
    world.cluster.annotate(SERVICE, "shop", "web", {f"{ALB}/{key}": text for key, text in OIDC.items()})
    world.run()
    world.change(OTHER)
    world.run()
    assert (["ModifyRule"], {"/web": OTHER}) == (world.operations(), world.held())


def test_a_change_that_aws_refuses_at_first_is_sent_again(deployed: SignInWorld) -> None:
    refusals = iter(["Throttling", "ServiceUnavailable"])
    deployed.wire.refuse = lambda _operation, _parameters: next(refusals, None)
    deployed.change(OTHER)
    deployed.run()
    assert {"/web": OTHER} == deployed.held()


# -- a new process


def test_a_restart_makes_no_mutating_call(deployed: SignInWorld) -> None:
    deployed.restart()
    assert [] == deployed.operations()


def test_an_audit_makes_no_mutating_call(deployed: SignInWorld) -> None:
    deployed.world.audit()
    deployed.run()
    assert [] == deployed.operations()


def test_a_restart_without_the_digest_makes_no_mutating_call_either(deployed: SignInWorld) -> None:
    """As after an update of the program: every stack is looked at closely."""
    for binding in deployed.cluster.api.of(TARGET_GROUP_BINDING):
        names = (binding["metadata"]["namespace"], binding["metadata"]["name"])
        deployed.cluster.annotate(TARGET_GROUP_BINDING, *names, {DEPLOYED_ANNOTATION: "of another version"})
    deployed.restart()
    assert [] == deployed.operations()


def test_a_secret_that_changed_meanwhile_is_carried_after_a_restart(deployed: SignInWorld) -> None:
    deployed.world.restart()
    deployed.change(OTHER)
    deployed.world.restart()
    deployed.run()
    assert (["ModifyRule"], {"/web": OTHER}) == (deployed.operations(), deployed.held())
    deployed.restart()
    assert [] == deployed.operations()


def test_a_secret_that_changed_meanwhile_is_carried_beside_another_change(deployed: SignInWorld) -> None:
    deployed.change(OTHER)
    deployed.annotate("web", tags="team=shop")
    deployed.restart()
    assert {"/web": OTHER} == deployed.held()


def test_a_process_that_died_before_it_carried_the_secret_is_made_good(deployed: SignInWorld) -> None:
    def die(_operation: str, _parameters: object) -> str | None:
        raise Death

    deployed.wire.refuse = die
    deployed.change(OTHER)
    with pytest.raises(Death):
        deployed.run()
    deployed.wire.refuse = lambda _operation, _parameters: None
    deployed.restart()
    assert {"/web": OTHER} == deployed.held()


def test_what_another_controller_made_is_taken_over_without_a_write(deployed: SignInWorld) -> None:
    for binding in deployed.cluster.api.of(TARGET_GROUP_BINDING):
        names = (binding["metadata"]["namespace"], binding["metadata"]["name"])
        none: dict[str, str | None] = {DEPLOYED_ANNOTATION: None, CLIENT_SECRETS_ANNOTATION: None}
        deployed.cluster.annotate(TARGET_GROUP_BINDING, *names, none)
    deployed.restart()
    assert [] == deployed.operations()
    deployed.change(OTHER)
    deployed.run()
    assert (["ModifyRule"], {"/web": OTHER}) == (deployed.operations(), deployed.held())


# -- what cannot be made without the Secret waits for itself alone


@pytest.fixture
def broken(world: SignInWorld) -> SignInWorld:
    """A group of which one member signs in, whose Secret is gone."""
    world.cluster.apply(a_client())
    world.add("web", OIDC)
    world.add("open", {})
    world.run()
    world.cluster.delete(SECRET, "shop", "oidc")
    world.run()
    return world


def first_paths(world: SignInWorld) -> list[str]:
    return [rule["Conditions"][0]["PathPatternConfig"]["Values"][0] for rule in world.rules()]


def test_a_rule_that_somebody_deleted_comes_back_with_the_secret_and_keeps_nobody_waiting(broken: SignInWorld) -> None:
    broken.aws.elbv2.delete_rule(RuleArn=broken.signed_in()["RuleArn"])
    broken.add("late", {})
    broken.edit_path("open", "/open", "/opened")
    broken.world.audit()
    broken.run()
    assert (["/late", "/opened"], {"web"}) == (first_paths(broken), broken.warned())
    broken.run()
    assert [] == broken.wire.mutations()
    broken.cluster.apply(a_client(text=OTHER))
    broken.run()
    assert (["/late", "/opened", "/web"], {"/web": OTHER}) == (first_paths(broken), broken.held())
    assert [] == broken.world.unexpected()


def test_a_rule_that_somebody_opened_is_shut_again_with_the_secret_and_keeps_nobody_waiting(
    broken: SignInWorld,
) -> None:
    rule = broken.signed_in()
    broken.aws.elbv2.modify_rule(RuleArn=rule["RuleArn"], Actions=[{**rule["Actions"][-1], "Order": 1}])
    broken.edit_path("open", "/open", "/opened")
    broken.world.audit()
    broken.run()
    assert (["/opened", "/web"], {"web"}, ["ModifyRule"]) == (
        first_paths(broken),
        broken.warned(),
        broken.operations(),
    )
    broken.cluster.apply(a_client(text=OTHER))
    broken.run()
    assert {"/web": OTHER} == broken.held()


def test_a_listener_that_must_be_made_answers_503_until_the_secret_comes_and_others_use_it(world: SignInWorld) -> None:
    world.cluster.apply(a_client())
    world.add("web", OIDC, rules=[], defaultBackend=a_backend("web"))
    world.add("open", {})
    world.run()
    world.cluster.delete(SECRET, "shop", "oidc")
    world.run()
    world.aws.elbv2.delete_listener(ListenerArn=world.listeners()[443]["ListenerArn"])
    world.world.audit()
    world.run()
    assert ("503", ["/open"], {}) == (default_code(world), first_paths(world), world.held())
    world.restart()
    assert ([], {"web"}) == (world.operations(), world.warned())
    world.cluster.apply(a_client(text=OTHER))
    world.run()
    assert ({"default": OTHER}, []) == (world.held(), world.world.unexpected())


def default_code(world: SignInWorld) -> str:
    (action,) = world.listeners()[443]["DefaultActions"]
    return str(action["FixedResponseConfig"]["StatusCode"])


# -- nobody else sees it


@pytest.mark.parametrize("alb", [COGNITO, {"actions.hi": FIXED, **OIDC}], ids=["cognito", "oidc"])
def test_a_sign_in_before_a_fixed_response_needs_no_binding(world: SignInWorld, alb: dict[str, str]) -> None:
    world.cluster.apply(a_client())
    world.add("web", {"actions.hi": FIXED, **alb}, rules=[a_rule(an_action_path("/web"))])
    world.run()
    assert ([], []) == (world.world.unexpected(), world.cluster.api.of(TARGET_GROUP_BINDING))
    world.restart()
    assert [] == world.operations()


def test_the_client_secret_is_in_no_log_event_object_or_memory(
    world: SignInWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="aws_lb_controller"):
        world.cluster.apply(a_client())
        world.add("web", OIDC)
        world.add("open", {})
        world.run()
        world.change(OTHER)
        world.run()
        memory = repr([remembered(part) for part in (world.world._store, world.world._wired)])
        world.cluster.delete(SECRET, "shop", "oidc")
        world.run()
    written = [obj for obj in world.cluster.api.objects.values() if obj["kind"] != "Secret"]
    told = [*caplog.messages, *map(repr, world.world.events.told), *map(repr, world.world.wrong), repr(written)]
    encoded = [a_client(text=text)["data"]["clientSecret"] for text in (HUSH, OTHER)]
    assert [] == [text for text in (HUSH, OTHER, *encoded) if any(text in line for line in (*told, memory))]
    assert "shop/oidc" in memory


def remembered(part: object, seen: set[int] | None = None, depth: int = 12) -> object:
    """Everything that hangs on a part of the program, as plain data."""
    seen = set() if seen is None else seen
    if isinstance(part, str | int | float | bytes | None):
        return part
    if id(part) in seen or not depth:
        return ""
    seen.add(id(part))
    if isinstance(part, Mapping):
        return [(remembered(k, seen, depth - 1), remembered(v, seen, depth - 1)) for k, v in [*part.items()]]
    if isinstance(part, list | tuple | set | frozenset):
        return [remembered(one, seen, depth - 1) for one in part]
    module = type(part).__module__
    inside = [getattr(part, "__self__", None), *_closed_over(part)]
    if module.startswith("aws_lb_controller"):
        inside += [getattr(part, name) for name in _fields(part) if hasattr(part, name)]
    return [remembered(one, seen, depth - 1) for one in inside]


def _closed_over(part: object) -> list[object]:
    return [cell.cell_contents for cell in getattr(part, "__closure__", None) or ()]


def _fields(part: object) -> list[str]:
    slots = [name for each in type(part).__mro__ for name in getattr(each, "__slots__", ())]
    return [*slots, *getattr(part, "__dict__", {})]
