"""A world in which everything happens at once: pods, Services and bindings change while reconciles are under way.

Reconciles run in threads of which only one runs at a time. Each stops before and after every call to AWS, and which one
goes on is drawn from a seed, as is everything else, so a seed tells the whole story. An observer looks at moto after
every call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson
from aws_builders import CLUSTER
from binding_world import BindingWorld
from botocore.awsrequest import AWSResponse
from moto.backends import get_backend
from moto.core.models import botocore_stubber

from aws_lb_controller.aws.clients import MOST_ATTEMPTS, is_read
from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, NODE, POD, TARGET_GROUP_BINDING
from aws_lb_controller.errors import ControllerError, NotYet, SpecError
from aws_lb_controller.intent.binding import read_binding
from aws_lb_controller.model.binding import NetworkingRule
from aws_lb_controller.model.security_group import IngressRule, Source
from aws_lb_controller.plan.node_rules import DESCRIPTION, lacking, rules_of
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.runtime.routing import Routing

SERVICES = ("red", "green", "blue")
PORTS = (8080, 8081, 9090)
AT_ONCE = {"binding": 3, "access": 2, "node-security-groups": 1}
ACCOUNT, REGION = "123456789012", "us-west-2"

Rules = frozenset[IngressRule]
Networking = tuple[NetworkingRule, ...]
Target = tuple[str, int]


class Death(BaseException):
    """The process dies here: nothing of ours can catch it."""


class Actor(threading.Thread):
    """A reconcile under way. fault: operation, kind and how many attempts more are answered so."""

    def __init__(self, key: Key, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.key, self._work = key, work
        self.turn, self.back = threading.Semaphore(0), threading.Semaphore(0)
        self.ended = self.dying = False
        self.fault = ("", "", 0)
        self.wrong: BaseException | None = None

    def run(self) -> None:
        self.turn.acquire()
        try:
            self._work()
        except BaseException as wrong:  # whatever it was, the stage judges it
            self.wrong = wrong
        self.ended = True
        self.back.release()

    def go_on(self) -> None:
        """Until it stops again, or ends."""
        self.turn.release()
        self.back.acquire()

    def stop(self) -> None:
        """In the actor's thread: wait for its next turn."""
        self.back.release()
        self.turn.acquire()
        if self.dying:
            raise Death


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def refusal(status: int, code: str) -> AWSResponse:
    """What AWS answers to what it does not do."""
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>-</Message></Error></ErrorResponse>".encode()
    return AWSResponse("http://aws", status, {}, _Raw(body))  # type: ignore[arg-type]  # a dict of headers will do


def stop() -> None:
    """Lets others go on, if an actor asks."""
    actor = threading.current_thread()
    if isinstance(actor, Actor):
        actor.stop()


@dataclass(frozen=True)
class Pod:
    name: str
    uid: str
    address: str
    service: str
    http: int


@dataclass
class Trust:
    """By which networking a binding's targets may have been let in: before an edit is carried out, by either one.

    pods: address → uid of the pod that was there when the target was let in: another one may name other ports. seen:
    the pods as the reconcile that is under way found them.
    """

    networkings: list[Networking] = field(default_factory=list)
    pods: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)

    def saw(self, networking: Networking, pods: dict[str, str]) -> None:
        self.seen = pods
        if networking not in self.networkings:
            self.networkings.append(networking)

    def registered(self) -> None:
        self.pods.update(self.seen)

    def settled(self, networking: Networking) -> None:
        self.networkings, self.pods = [networking], self.seen


class MovesWorld:
    """Two nodes of one node group, one of another that carries two tagged groups, branch and Fargate interfaces, and
    a hybrid node; three Services, and bindings of every kind of networking.
    """

    def __init__(self, aws: Any, seed: int, *, faults: bool = True) -> None:
        self.random, self.aws, self.faults = Random(seed), aws, faults
        self.world = BindingWorld(aws)
        self.now_failing = False
        self.actors: dict[Key, Actor] = {}
        self.ready: dict[Key, None] = {}
        self.later: dict[Key, float] = {}
        self.calls = 0
        self._places()
        self.ports = dict.fromkeys(SERVICES, 8080)
        self.pods: dict[str, Pod] = {}
        self.made = 0
        self.networkings = self._networkings()
        self.trust: dict[str, Trust] = {}
        self.unopened: set[tuple[str, Target]] = set()
        self.arns = {f"b{n}": aws.target_group(f"b{n}") for n in range(5)}
        self.arns["nodes"] = aws.target_group("nodes", TargetType="instance")
        self.names = {arn: name for name, arn in self.arns.items()}
        for service in SERVICES:
            self.world.service(service)
        self.restart()

    # ---- what stands from the start

    def _places(self) -> None:
        """Address or instance → the group that is opened for it, None for none."""
        world = self.world
        first, world.group = world.group, self._tagged_group("second", "owned")
        both = [self._tagged_group("third", "shared"), world.group]
        world.instances.append(world._run_node("node-2", "a", 98))
        interface = self.aws.ec2.describe_instances(InstanceIds=world.instances[-1:])["Reservations"][0]["Instances"][0]
        self.aws.ec2.modify_network_interface_attribute(
            NetworkInterfaceId=interface["NetworkInterfaces"][0]["NetworkInterfaceId"], Groups=both
        )
        second, world.group = world.group, first
        self.place: dict[str, str | None] = {f"192.168.{third}.{host}": first for third in (97, 113) for host in (1, 2)}
        self.place |= {f"192.168.98.{host}": second for host in (1, 2)} | {"10.77.0.1": None}
        self.place |= dict(zip(world.instances, (first, first, second), strict=True))
        pods = self._tagged_group("pods", "owned")
        self.branches = {address: self._interface(address, pods) for address in ("192.168.96.200", "192.168.96.201")}
        self._interface("192.168.96.210", pods)
        self.place |= dict.fromkeys((*self.branches, "192.168.96.210"), pods)
        self.groups = sorted({group for group in self.place.values() if group})
        for name, kind in (("far", "fargate"), ("away", "hybrid")):
            world.put(
                NODE, {"metadata": {"name": name, "labels": {"eks.amazonaws.com/compute-type": kind}}, "spec": {}}
            )

    def _tagged_group(self, name: str, value: str) -> str:
        group = str(self.aws.security_group(name))
        self.aws.ec2.create_tags(Resources=[group], Tags=[{"Key": f"kubernetes.io/cluster/{CLUSTER}", "Value": value}])
        return group

    def _interface(self, address: str, group: str) -> str:
        made = self.aws.ec2.create_network_interface(
            SubnetId=self.aws.world.subnets["private-a"], PrivateIpAddress=address, Groups=[group]
        )
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def _networkings(self) -> list[Any]:
        backend = {"securityGroup": {"groupID": self.world.backend_group}}
        own = {"securityGroup": {"groupID": self.aws.security_group("own")}}
        network = {"ipBlock": {"cidr": "10.42.0.0/16"}}
        return [
            {"ingress": [{"from": [backend], "ports": [{"port": 8080}]}]},
            {"ingress": [{"from": [backend], "ports": [{"port": 9090}, {"protocol": "UDP", "port": 53}]}]},
            {"ingress": [{"from": [backend, network], "ports": [{"port": "http"}]}]},
            {"ingress": [{"from": [network], "ports": [{"port": 8081}]}, {"from": [own], "ports": [{}]}]},
            {"ingress": [{"from": [own], "ports": [{"port": 8081}]}]},
            None,
        ]

    # ---- the controller

    def restart(self) -> None:
        """The process dies wherever it is, and a new one knows nothing."""
        for actor in self.actors.values():
            actor.dying = True
            actor.go_on()
        self.actors.clear()
        self.later.clear()
        world = self.world
        world.queue.clear()
        world.restart()
        world.interfaces.vpc_networks()  # two threads that ask for it at once would wait for one another for real
        held: set[str] = set()

        @contextmanager
        def alone_with(group: str) -> Iterator[None]:
            while group in held:
                stop()
            held.add(group)
            try:
                yield
            finally:
                held.discard(group)

        world.opener.alone_with = alone_with  # type: ignore[method-assign]  # a lock that lets the stage go on
        routing = Routing(world.store, lambda _: ())
        world.store._subscribers[:] = [
            lambda kind, old, new: self.ready.update(dict.fromkeys(routing.keys_for(kind, old, new)))
        ]
        self.ready = dict.fromkeys(key for key in routing.everything() if key.controller in AT_ONCE)

    def work(self, key: Key) -> None:
        if key.controller == "binding":
            self._work_on_binding(key.name)
        elif key.controller == "access":
            self.world.desk.reconcile(key.name)
        else:
            self.world.node_groups.reconcile("")

    def _work_on_binding(self, name: str) -> None:
        trust, networking = self.trust.setdefault(name, Trust()), self.networking(name)
        trust.saw(networking, {pod.address: pod.uid for pod in self.pods.values()})
        self.world.binding_reconciler.reconcile(name)
        trust.settled(networking)

    def networking(self, name: str) -> Networking:
        obj = self.world.store.get(TARGET_GROUP_BINDING, *name.split("/"))
        return (read_binding(obj).networking if obj else None) or ()

    def step(self) -> None:
        """Something goes on: a reconcile by a call, or time."""
        for key in self.world.queue:
            self.ready.setdefault(key)
        self.world.queue.clear()
        free = [k for k in self.ready if k not in self.actors and self._running(k) < AT_ONCE.get(k.controller, 0)]
        can = sorted([*free, *self.actors])  # sets of text are in another order in each process
        if not can or self.random.random() < 0.02:
            self._pass_time()
            return
        key = self.random.choice(can)
        if key in self.actors:
            self._go_on(self.actors[key])
        else:
            del self.ready[key]
            self.later.pop(key, None)
            self.actors[key] = Actor(key, lambda: self.work(key))
            self.actors[key].start()

    def _running(self, key: Key) -> int:
        return sum(actor.key.controller == key.controller for actor in self.actors.values())

    def _go_on(self, actor: Actor) -> None:
        actor.go_on()
        if not actor.ended:
            return
        del self.actors[actor.key]
        if isinstance(actor.wrong, NotYet):
            self.later[actor.key] = self.world.now + actor.wrong.after
        elif isinstance(actor.wrong, ControllerError) and not isinstance(actor.wrong, SpecError):
            self.later[actor.key] = self.world.now + 1
        elif actor.wrong is not None:
            raise actor.wrong

    def _pass_time(self) -> None:
        self.world.now += self.random.choice((0.1, 1, 5))
        for key, due in sorted(self.later.items()):
            if due <= self.world.now:
                del self.later[key]
                self.ready.setdefault(key)

    def quiet(self) -> bool:
        return not (self.actors or self.later or self.world.queue or [k for k in self.ready if k.controller in AT_ONCE])

    # ---- AWS, and who looks at it

    @contextmanager
    def watched(self) -> Iterator[None]:
        clients = (self.world.clients.elbv2, self.world.clients.ec2)
        for client in clients:
            client.meta.events.unregister("before-send", botocore_stubber)
            client.meta.events.register("before-send", self.answer)
        try:
            yield
        finally:
            for actor in self.actors.values():
                actor.dying = True
                actor.go_on()
            for client in clients:
                client.meta.events.unregister("before-send", self.answer)
                client.meta.events.register("before-send", botocore_stubber)

    def answer(self, *, event_name: str, request: Any, **_: Any) -> Any:
        operation = event_name.rpartition(".")[2]
        stop()
        fault = self._fault(operation)
        if fault == "throttled":
            return refusal(400, "Throttling" if "elastic" in event_name else "RequestLimitExceeded")
        before = self.satisfied() if operation == "RevokeSecurityGroupIngress" else set()
        answer = botocore_stubber(event_name, request)
        self.calls += 1
        actor = threading.current_thread()
        if operation == "RegisterTargets" and isinstance(actor, Actor):
            self.trust[actor.key.name].registered()
        self.look(operation, before)
        stop()
        return refusal(503, "ServiceUnavailable") if fault == "lost" else answer

    def _fault(self, operation: str) -> str:
        """What becomes of a call: mostly nothing; all of its attempts are throttled, or have lost their answers."""
        actor = threading.current_thread()
        if not isinstance(actor, Actor) or not self.faults:
            return ""
        what, kind, left = actor.fault
        if what != operation or not left:
            drawn = self.random.random()
            kind = "throttled" if drawn < 0.03 else "lost" if drawn < 0.04 and not is_read(operation) else ""
            left = MOST_ATTEMPTS
        actor.fault = (operation, kind, left - 1)
        return kind

    def look(self, operation: str, satisfied: set[tuple[str, Target, IngressRule]]) -> None:
        """No rule that a live, registered target needs is missing, and none was taken away."""
        there = {group: self.rules_in(group) for group in self.groups}
        for arn, target, group, needs in self.needs():
            missing = lacking(needs, there[group])
            if not missing:
                if needs:  # while an edit is under way that shares no need with what was before, nothing can be told
                    self.unopened.discard((arn, target))
                continue
            gone = {need for need in missing if (arn, target, need) in satisfied}
            assert not gone, f"{operation} took away what {target} of {self.names[arn]} needs: {gone}"
            if operation == "RegisterTargets" and not self.world.ledger.is_certain(f"shop/{self.names[arn]}"):
                self.unopened.add((arn, target))
            assert (arn, target) in self.unopened, (
                f"after {operation} (call {self.calls}) {target} of {self.names[arn]} lacks {missing}"
            )

    def satisfied(self) -> set[tuple[str, Target, IngressRule]]:
        there = {group: self.rules_in(group) for group in self.groups}
        return {
            (arn, target, need)
            for arn, target, group, needs in self.needs()
            for need in needs - lacking(needs, there[group])
        }

    def needs(self) -> Iterator[tuple[str, Target, str, Rules]]:
        """For each live registered target the group before it, and the rules that it needs there, whichever networking
        of those that count its binding is at.
        """
        live = {pod.address: pod for pod in self.pods.values()}
        for arn, name in self.names.items():
            trust = self.trust.get(f"shop/{name}")
            if trust is None:
                continue
            networkings = [*trust.networkings, self.networking(f"shop/{name}")]
            for target in self.registered(arn):
                group = self.place[target[0]]
                if group is None or (name != "nodes" and target[0] not in live):
                    continue
                pod = live.get(target[0])
                http = {pod.http} if pod and trust.pods.get(pod.address) == pod.uid else set()
                needs = [rules_of(networking, lambda _, http=http: http) for networking in networkings]
                yield arn, target, group, frozenset.intersection(*needs)

    def registered(self, arn: str) -> set[Target]:
        return {*get_backend("elbv2")[ACCOUNT][REGION].target_groups[arn].targets}

    def rules_in(self, group: str) -> Rules:
        found = get_backend("ec2")[ACCOUNT][REGION].get_security_group_from_id(group).ingress_rules
        return frozenset(map(_rule, found))

    # ---- what users and the cluster do

    def move(self) -> None:
        """One of the things that happen in a cluster."""
        kinds = (
            "come",
            "come",
            "come",
            "go",
            "go",
            "hop",
            "hop",
            "serve",
            "port",
            "edit",
            "edit",
            "bind",
            "unbind",
            "node",
        )
        getattr(self, f"_{self.random.choice(kinds)}")()

    def _come(self, *, service: str | None = None) -> None:
        free = sorted({a for a in self.place if not a.startswith("i-")} - {pod.address for pod in self.pods.values()})
        if not free:
            return
        self.made += 1
        address = self.random.choice(free)
        pod = Pod(
            name=f"pod-{self.made}",
            uid=f"uid-{self.made}",
            address=address,
            service=service or self.random.choice(SERVICES),
            http=self.random.choice(PORTS),
        )
        self.pods[pod.name] = pod
        self._put(pod)
        self._publish(pod.service)

    def _go(self) -> str | None:
        if not self.pods:
            return None
        pod = self.pods.pop(self.random.choice(sorted(self.pods)))
        self._publish(pod.service)
        self.world.store.remove(POD, "shop", pod.name)
        return pod.service

    def _hop(self) -> None:
        """A pod is replaced by one elsewhere."""
        if service := self._go():
            self._come(service=service)

    def _serve(self) -> None:
        """A pod goes from one Service to another."""
        if self.pods:
            pod = self.pods[self.random.choice(sorted(self.pods))]
            service = self.random.choice(SERVICES)
            self.pods[pod.name] = Pod(pod.name, pod.uid, pod.address, service, pod.http)
            self._publish(pod.service)
            self._publish(service)

    def _port(self) -> None:
        """A Service's targetPort changes: its pods listen on all of them."""
        service = self.random.choice(SERVICES)
        self.ports[service] = self.random.choice(PORTS)
        self._publish(service)

    def _edit(self) -> None:
        held = [name for name in self.arns if self.world.stored(name)]
        if held:
            self._bind(name=self.random.choice(held))

    def _bind(self, *, name: str | None = None) -> None:
        name = name or self.random.choice(sorted(self.arns))
        held = self.world.stored(name)
        if held and held["metadata"].get("deletionTimestamp"):
            return
        service = held["spec"]["serviceRef"]["name"] if held else self.random.choice(SERVICES)
        chosen = self.networkings[self.random.choice([0, 1, 4, 5] if name == "nodes" else range(6))]
        self.world.binding(
            self.arns[name],
            name,
            targetType="instance" if name == "nodes" else "ip",
            serviceRef={"name": service, "port": 80},
            networking=chosen,
        )

    def _unbind(self) -> None:
        held = [name for name in self.arns if self.world.stored(name)]
        if not held or self.random.random() < 0.5:
            return
        name = self.random.choice(held)
        if self.world.stored(name)["metadata"].get("finalizers"):
            self.world.delete_binding(name)
        else:  # nobody holds it
            self.world.store.remove(TARGET_GROUP_BINDING, "shop", name)

    def _node(self) -> None:
        n = self.random.randrange(2)
        self.world.node(f"node-{n}", self.world.instances[n], ready=self.random.choice(("True", "True", "False")))

    def _put(self, pod: Pod) -> None:
        nodes = {"192.168.97": "node-0", "192.168.113": "node-1", "192.168.98": "node-2", "10.77.0": "away"}
        node = "far" if pod.address == "192.168.96.210" else nodes.get(pod.address.rpartition(".")[0], "node-0")
        metadata: dict[str, Any] = {"namespace": "shop", "name": pod.name, "uid": pod.uid}
        if branch := self.branches.get(pod.address):
            eni = orjson.dumps([{"eniId": branch, "privateIp": pod.address}]).decode()
            metadata["annotations"] = {"vpc.amazonaws.com/pod-eni": eni}
        ports = [{"name": "http", "containerPort": pod.http}]
        status = {"podIP": pod.address, "conditions": [{"type": "ContainersReady", "status": "True"}]}
        spec = {"nodeName": node, "containers": [{"ports": ports}]}
        self.world.put(POD, {"metadata": metadata, "spec": spec, "status": status})

    def _publish(self, service: str) -> None:
        endpoints = [
            {
                "addresses": [pod.address],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "namespace": "shop", "name": pod.name},
            }
            for pod in self.pods.values()
            if pod.service == service
        ]
        labels = {"kubernetes.io/service-name": service}
        self.world.put(
            ENDPOINT_SLICE,
            {
                "metadata": {"namespace": "shop", "name": f"{service}-1", "labels": labels},
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": self.ports[service]}],
                "endpoints": endpoints,
            },
        )

    # ---- how it ought to end

    def wanted_targets(self, name: str) -> set[Target]:
        binding = self.world.stored(name)
        if binding is None:
            return set()
        service = binding["spec"]["serviceRef"]["name"]
        if name == "nodes":
            return {(instance, 30080) for n, instance in enumerate(self.world.instances) if self._is_ready(n)}
        return {(pod.address, self.ports[service]) for pod in self.pods.values() if pod.service == service}

    def _is_ready(self, n: int) -> bool:
        node = self.world.store.get(NODE, "", f"node-{n}")
        return bool(node) and node["status"]["conditions"][0]["status"] == "True"

    def wanted_rules(self, group: str) -> set[tuple[str, int, int, str]]:
        """Each need as it is; those of a security group joined, by protocol, from the lowest port to the highest."""
        http = {pod.address: pod.http for pod in self.pods.values()}
        needs = {
            rule
            for name in self.arns
            for address, _ in self.wanted_targets(name)
            if self.place[address] == group
            for rule in rules_of(self.networking(f"shop/{name}"), lambda _, a=address: [http[a]] if a in http else [])
        }
        spans: dict[tuple[str, Source], set[int]] = {}
        for rule in needs:
            kind = rule.source.kind
            key = (
                rule.protocol,
                rule.source if kind == "security-group" else Source(kind, f"{rule.source.value} {rule.from_port}"),
            )
            spans.setdefault(key, set()).update({rule.from_port or 0, rule.to_port or 0})
        return {(p, min(ports), max(ports), str(s.value).split(" ")[0]) for (p, s), ports in spans.items()}

    def our_rules(self, group: str) -> set[tuple[str, int, int, str]]:
        return {
            (rule.protocol, rule.from_port or 0, rule.to_port or 0, str(rule.source.value))
            for rule in self.rules_in(group)
            if rule.description == DESCRIPTION
        }


def _rule(rule: Any) -> IngressRule:
    """moto's rule as ours."""
    given = rule.source_group or rule.ip_range
    group = given.get("GroupId")
    return IngressRule(
        protocol=rule.ip_protocol,
        from_port=rule.from_port,
        to_port=rule.to_port,
        source=Source("security-group", group) if group else Source("ipv4", given["CidrIp"]),
        description=given.get("Description") or "",
    )
