"""The API server asks the controller's webhooks, and does as they say; without a controller it asks only about ours.

KWOK's control plane has no cluster network, so the configurations of deploy/ name URLs here instead of the Service.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from e2e_world import ALB, NLB, Controller, Controllers, Obj, Place, ingress, nlb_service, service, until, until_nothing
from localworld.control_plane import KubectlError
from serving_certificates import Authority, mount
from webhook_configurations import KINDS, configurations_at

GATE_LABEL = "elbv2.k8s.aws/pod-readiness-gate-inject=enabled"
SIDECAR_LABEL = "elbv2.k8s.aws/alb-target-control-agent-inject"
SIDECARS_LABEL = "elbv2.k8s.aws/alb-target-control-agent-injection=enabled"
SIDECAR_CONFIG = "aws-load-balancer-controller-alb-target-control-agent-config"
SETTLE_SECONDS = 30
ASKED = "controller_runtime_webhook_requests_total"


@dataclass
class Admission:
    """Controllers that serve webhooks, and the API server that asks one of them."""

    controllers: Controllers
    folder: Path
    authority: Authority = field(default_factory=Authority)

    def start(self) -> Controller:
        """One more controller with a certificate of the authority, as a mounted Secret."""
        flags = (f"--webhook-cert-dir={self.folder}", "--feature-gates=ALBTargetControlAgent=true")
        return self.controllers.start(*flags)

    def one(self) -> Controller:
        """The only controller that runs, and the API server asks it: the one that runs already, or a new one."""
        self.controllers.bury_dead()
        running = self.controllers.running
        if len(running) != 1 or f"--webhook-cert-dir={self.folder}" not in running[0].process.extra_flags:
            self.controllers.stop()
            until("the controller to lead", self.start().leads, seconds=SETTLE_SECONDS)
            self.ask(self.controllers.running[0])
        return self.controllers.running[0]

    def ask(self, controller: Controller) -> None:
        """Let the API server ask this one, and wait until it does."""
        url = f"https://127.0.0.1:{controller.process.webhook_port}"
        self.controllers.world.control_plane.apply(configurations_at(url, ca=self.authority.pem))

        def asked() -> bool:
            before = times_asked(controller, "/mutate-v1-service")
            return tried(self, "default", balanced("probe")) and times_asked(controller, "/mutate-v1-service") > before

        until("the API server to ask the controller", asked, seconds=SETTLE_SECONDS)

    def asked_nothing(self) -> None:
        """Take the configurations away, and wait until nothing is asked any more."""
        control_plane = self.controllers.world.control_plane
        for kind in KINDS:
            control_plane.kubectl("delete", kind, "aws-load-balancer-webhook", "--ignore-not-found")

        def unchanged() -> bool:
            return "loadBalancerClass" not in (tried(self, "default", balanced("probe")) or {"spec": BALANCED})["spec"]

        until("the API server to ask nothing", unchanged, seconds=SETTLE_SECONDS)

    def serial(self, controller: Controller) -> int:
        """The serial number of the certificate that a new connection is shown."""
        shown = ssl.get_server_certificate(("127.0.0.1", controller.process.webhook_port))
        return x509.load_pem_x509_certificate(shown.encode()).serial_number


BALANCED = {"type": "LoadBalancer", "loadBalancerClass": ""}


def times_asked(controller: Controller, path: str) -> float:
    try:
        return controller.metric(ASKED, webhook=path) or 0.0
    except urllib.error.URLError:
        return 0.0


def tried(admission: Admission, namespace: str, obj: Obj) -> Obj | None:
    """What would be stored of a new object, None if it is refused."""
    try:
        return dry_run(Place(admission.controllers.world, namespace), obj)
    except KubectlError:
        return None


def dry_run(place: Place, obj: Obj) -> Obj:
    """What would be stored of a new object. Raises `KubectlError` with the API server's words."""
    command = ("create", "--dry-run=server", "-o", "json", "-n", place.namespace, "-f", "-")
    stored: Obj = json.loads(place.cluster.kubectl(*command, stdin=json.dumps(obj)))
    return stored


def refusal(place: Place, obj: Obj) -> str:
    """Why a new object is refused."""
    with pytest.raises(KubectlError) as refused:
        dry_run(place, obj)
    return str(refused.value)


@pytest.fixture(scope="module")
def admission(controllers: Controllers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admission]:
    """Webhooks for the tests of this module; afterwards nobody is asked any more."""
    admission = Admission(controllers, tmp_path_factory.mktemp("webhooks") / "certs")
    mount(admission.folder, admission.authority.issue().files())
    yield admission
    admission.asked_nothing()
    controllers.stop()


@pytest.fixture
def asked(admission: Admission) -> Controller:
    """The controller that the API server asks; it leads."""
    return admission.one()


def pod(name: str = "one", *, labels: Mapping[str, str] | None = None) -> Obj:
    spec = {"containers": [{"name": "web", "image": "web"}]}
    metadata = {"name": name, "labels": {"app": "web", **(labels or {})}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def balanced(name: str = "balanced", **spec: Any) -> Obj:
    return service(name, type="LoadBalancer", **spec)


def binding(name: str = "by-hand", **spec: Any) -> Obj:
    return {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"name": name},
        "spec": {"serviceRef": {"name": "web", "port": 80}, **spec},
    }


def agent_config(**spec: Any) -> Obj:
    """Of what the target control agent is made."""
    addresses = {"dataAddress": "0.0.0.0:80", "controlAddress": "0.0.0.0:3000", "destinationAddress": "127.0.0.1:8080"}
    return {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "ALBTargetControlConfig",
        "metadata": {"name": SIDECAR_CONFIG},
        "spec": {"image": "agent:1", **addresses, **spec},
    }


def containers(stored: Obj) -> dict[str, str]:
    """Name and image of each container."""
    return {each["name"]: each["image"] for each in stored["spec"]["containers"]}


def gates(stored: Obj) -> list[str]:
    return [gate["conditionType"] for gate in stored["spec"].get("readinessGates", [])]


# ---- with a controller


@pytest.mark.usefixtures("asked")
def test_new_pods_wait_for_their_targets_in_labelled_namespaces_and_nowhere_else(place: Place) -> None:
    place.apply(service(), ingress())
    place.there.wait()
    [bound] = place.objects("targetgroupbindings")
    assert [] == gates(dry_run(place, pod()))

    place.cluster.kubectl("label", "namespace", place.namespace, GATE_LABEL)
    wanted = f"target-health.elbv2.k8s.aws/{bound['metadata']['name']}"
    until("the readiness gate", lambda: [wanted] == gates(dry_run(place, pod())), seconds=SETTLE_SECONDS)
    assert [] == gates(dry_run(place, pod(labels={"app": "another"})))


@pytest.mark.usefixtures("asked")
def test_a_service_of_type_load_balancer_is_ours_unless_it_says_whose_it_is(place: Place) -> None:
    assert "service.k8s.aws/nlb" == dry_run(place, balanced())["spec"]["loadBalancerClass"]
    assert "else.org/lb" == dry_run(place, balanced(loadBalancerClass="else.org/lb"))["spec"]["loadBalancerClass"]
    assert "loadBalancerClass" not in dry_run(place, service("inside"))["spec"]


def test_the_api_server_is_told_why_an_ingress_is_refused(asked: Controller, place: Place) -> None:
    said = refusal(place, ingress(class_name="nobodys"))
    assert 'admission webhook "vingress.elbv2.k8s.aws" denied the request: invalid ingress class' in said
    assert "nobodys" in said
    counted = {"webhook_name": "/validate-networking-v1-ingress"}
    assert asked.metric("awslbc_webhook_validation_failure_total", **counted)


@pytest.mark.usefixtures("asked")
def test_doubts_about_an_ingress_are_warnings_and_it_is_stored(place: Place) -> None:
    assert "web" == dry_run(place, ingress(annotations={f"{ALB}/scheme": "sideways"}))["metadata"]["name"]


@pytest.mark.usefixtures("asked")
def test_the_api_server_is_told_why_class_parameters_are_refused(place: Place) -> None:
    params = {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "IngressClassParams",
        "metadata": {"name": "wrong"},
        "spec": {"inboundCIDRs": ["10.0.0.0/33"]},
    }
    said = refusal(place, params)
    assert 'admission webhook "vingressclassparams.elbv2.k8s.aws" denied the request: ' in said
    assert "10.0.0.0/33" in said


@pytest.fixture
def target_group(controllers: Controllers) -> Iterator[Obj]:
    """A target group that somebody else made."""
    aws = controllers.world.aws
    made = aws.elbv2.create_target_group(
        Name="somebodys", Protocol="TCP", Port=80, VpcId=aws.world.vpc_id, TargetType="ip"
    )
    [group] = made["TargetGroups"]
    yield dict(group)
    aws.elbv2.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


@pytest.mark.usefixtures("asked")
def test_a_binding_gets_from_aws_what_it_leaves_out_and_keeps_it(place: Place, target_group: Obj) -> None:
    place.apply(service(), binding(targetGroupName="somebodys"))
    try:
        arn = target_group["TargetGroupArn"]
        spec = place.get("targetgroupbinding", "by-hand")["spec"]
        filled = {"targetGroupARN": arn, "targetType": "ip", "vpcID": target_group["VpcId"]}
        assert filled == {key: spec.get(key) for key in filled}
        with pytest.raises(KubectlError, match=r"denied the request: .*spec\.targetType") as refused:
            place.edit("targetgroupbinding", "by-hand", {"spec": {"targetType": "instance"}})
        assert 'admission webhook "vtargetgroupbinding.elbv2.k8s.aws"' in str(refused.value)
        assert "by-hand" in refusal(place, binding("again", targetGroupARN=arn, targetType="ip"))
    finally:
        place.delete("targetgroupbindings")
        until_nothing("the binding's end", lambda: place.objects("targetgroupbindings"))


def test_the_controllers_own_writes_are_not_asked_about(asked: Controller, place: Place) -> None:
    paths = (
        "/mutate-elbv2-k8s-aws-v1beta1-targetgroupbinding",
        "/validate-elbv2-k8s-aws-v1beta1-targetgroupbinding",
        "/validate-networking-v1-ingress",
    )
    before = [times_asked(asked, path) for path in paths]
    place.apply(service(), ingress())
    place.there.wait()
    place.delete()
    until_nothing("the end of all objects", place.there.remaining)
    ours, checked, users = (times_asked(asked, path) - count for path, count in zip(paths, before, strict=True))
    assert (0, 0, 1) == (ours, checked, users)  # one by us, who made the Ingress


@pytest.mark.usefixtures("asked")
def test_containers_that_serve_quic_get_server_ids_that_differ(place: Place) -> None:
    place.cluster.kubectl("label", "namespace", place.namespace, "elbv2.k8s.aws/quic-server-id-inject=enabled")
    served = pod()
    served["metadata"]["annotations"] = {f"{NLB}-quic-enabled-containers": "web"}

    def server_id() -> str | None:
        [container] = dry_run(place, served)["spec"]["containers"]
        return {each["name"]: each["value"] for each in container.get("env", [])}.get("AWS_LBC_QUIC_SERVER_ID")

    assert until("a server id", server_id, seconds=SETTLE_SECONDS) != server_id()


@pytest.mark.usefixtures("asked")
def test_a_binding_without_a_target_group_is_refused(place: Place) -> None:
    assert "targetGroupARN or targetGroupName" in refusal(place, binding())


def test_a_pod_that_asks_for_the_target_control_agent_is_asked_about(asked: Controller, place: Place) -> None:
    path = "/mutate-alb-target-control-object-v1-pod"
    before = times_asked(asked, path)
    dry_run(place, pod(labels={SIDECAR_LABEL: "true"}))  # stored without, as nobody configured the agent
    assert before + 1 == times_asked(asked, path)


AGENT = {"alb-target-control-agent": "agent:1"}


@pytest.mark.usefixtures("asked")
def test_a_pod_that_asks_for_it_gets_the_target_control_agent_of_its_namespace(place: Place) -> None:
    place.apply(agent_config(maxConcurrency=8))
    stored = dry_run(place, pod(labels={SIDECAR_LABEL: "true"}))
    assert {"web": "web", **AGENT} == containers(stored)
    agent = stored["spec"]["containers"][-1]
    assert {"data": 80, "control": 3000} == {each["name"]: each["containerPort"] for each in agent["ports"]}
    assert {"name": "TARGET_CONTROL_MAX_CONCURRENCY", "value": "8"} in agent["env"]
    assert {"web": "web"} == containers(dry_run(place, pod()))


@pytest.mark.usefixtures("asked")
def test_the_pods_of_a_namespace_that_asks_for_it_get_the_target_control_agent_but_those_that_do_not_want_it(
    place: Place,
) -> None:
    place.apply(agent_config())
    place.cluster.kubectl("label", "namespace", place.namespace, SIDECARS_LABEL)
    wanted = {"web": "web", **AGENT}
    until("the agent", lambda: wanted == containers(dry_run(place, pod())), seconds=SETTLE_SECONDS)
    assert {"web": "web"} == containers(dry_run(place, pod(labels={SIDECAR_LABEL: "false"})))


@pytest.mark.usefixtures("asked")
def test_a_new_set_up_of_the_target_control_agent_holds_for_the_next_pod(place: Place) -> None:
    place.apply(agent_config())
    asking = pod(labels={SIDECAR_LABEL: "true"})
    assert "agent:1" == containers(dry_run(place, asking))["alb-target-control-agent"]
    place.edit("albtargetcontrolconfig", SIDECAR_CONFIG, {"spec": {"image": "agent:2"}})
    assert "agent:2" == containers(dry_run(place, asking))["alb-target-control-agent"]


def test_the_certificate_is_renewed_while_the_api_server_asks(
    admission: Admission, asked: Controller, place: Place
) -> None:
    renewed = admission.authority.issue()
    before = admission.serial(asked)
    mount(admission.folder, renewed.files())

    def shown() -> bool:
        assert "service.k8s.aws/nlb" == dry_run(place, balanced())["spec"]["loadBalancerClass"]
        return renewed.serial == admission.serial(asked)

    until("the renewed certificate", shown, seconds=SETTLE_SECONDS)
    assert before != renewed.serial
    assert "service.k8s.aws/nlb" == dry_run(place, balanced())["spec"]["loadBalancerClass"]


def test_a_standby_answers_too(admission: Admission, asked: Controller, place: Place) -> None:
    standby = admission.start()
    admission.ask(standby)
    assert (True, False) == (asked.leads(), standby.leads())
    assert "service.k8s.aws/nlb" == dry_run(place, balanced())["spec"]["loadBalancerClass"]
    assert [] == standby.proxy.mutations()


def test_a_replica_whose_certificate_is_missing_works_but_is_not_ready_until_it_comes(
    controllers: Controllers, place: Place, tmp_path: Path
) -> None:
    folder, authority = tmp_path / "certs", Authority()
    controllers.stop()
    late = controllers.start(f"--webhook-cert-dir={folder}", wait=False)
    until("the controller to lead", lambda: leads(late), seconds=SETTLE_SECONDS)
    place.apply(nlb_service("not-asked-about"))
    place.there.wait()
    with pytest.raises(urllib.error.HTTPError, match="500") as unready:
        late.get("/readyz")
    assert str(folder / "tls.crt") in unready.value.read().decode()
    mount(folder, authority.issue().files())
    late.process.wait_ready()


def leads(controller: Controller) -> bool:
    """Whether it says so, once it says anything."""
    try:
        return controller.leads()
    except urllib.error.URLError:
        return False


# ---- without one


@pytest.fixture(scope="module")
def nobody(admission: Admission, shared_place: Place) -> Place:
    """A place with an Ingress in a namespace whose pods wait for targets; the API server asks, and nobody answers."""
    admission.one()
    shared_place.apply(service(), ingress())
    shared_place.there.wait()
    shared_place.cluster.kubectl("label", "namespace", shared_place.namespace, GATE_LABEL)
    admission.controllers.stop()
    return shared_place


def test_without_a_controller_what_is_not_ours_is_made_and_changed_as_ever(nobody: Place) -> None:
    apart = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "apart"}},
        service("inside"),
        balanced(loadBalancerClass="else.org/lb"),
        {**ingress("apart", class_name="nginx"), "metadata": {"name": "apart"}},
        pod("not-held-up"),
    ]
    assert [one["kind"] for one in apart] == [dry_run(nobody, one)["kind"] for one in apart]


def test_without_a_controller_ours_may_still_be_labelled_and_deleted(nobody: Place) -> None:
    nobody.edit("ingress", "web", {"metadata": {"labels": {"team": "shop"}}})
    nobody.cluster.kubectl("delete", "ingress", "web", "-n", nobody.namespace, "--wait=false")
    nobody.edit("ingress", "web", {"metadata": {"annotations": {f"{ALB}/scheme": "internal"}}})
    assert "deletionTimestamp" in nobody.get("ingress", "web")["metadata"]


def test_without_a_controller_what_is_ours_is_refused(nobody: Place) -> None:
    by_annotation = ingress("another", class_name=None, annotations={"kubernetes.io/ingress.class": "alb"})
    ours = {
        "mservice": [balanced()],
        "mtargetgroupbinding": [binding(targetGroupName="somebodys")],
        "vingress": [ingress("another"), by_annotation],
    }
    for webhook, objects in ours.items():
        for obj in objects:
            assert f'failed calling webhook "{webhook}.elbv2.k8s.aws"' in refusal(nobody, obj)
