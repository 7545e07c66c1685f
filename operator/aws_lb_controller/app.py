"""The composition root: the only place that knows all parts. `wire` joins what reconciles, `run` adds what runs it."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from aws_lb_controller import __version__
from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.aws.answer import Answers
from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.clients import Attempt, Call, Clients, make_clients
from aws_lb_controller.aws.health import Health
from aws_lb_controller.aws.network_interfaces import NetworkInterfaces
from aws_lb_controller.aws.observe import Inventory
from aws_lb_controller.aws.security_group_rules import SecurityGroupRules
from aws_lb_controller.aws.targets import Targets
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.config_maps import ConfigMaps as KubeConfigMaps
from aws_lb_controller.cluster.kinds import NAMESPACE, Kind
from aws_lb_controller.cluster.reflector import Reflector
from aws_lb_controller.cluster.secrets import Secrets as KubeSecrets
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.cluster.writes import Writes
from aws_lb_controller.errors import ControllerError, KubernetesNotFound
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.reconcile.access import AccessOpener
from aws_lb_controller.reconcile.access_desk import AccessDesk
from aws_lb_controller.reconcile.access_ledger import AccessLedger
from aws_lb_controller.reconcile.backend_security_group import BackendSecurityGroupReconciler
from aws_lb_controller.reconcile.backends import Backends
from aws_lb_controller.reconcile.binding import BindingReconciler
from aws_lb_controller.reconcile.deploy import Deployer
from aws_lb_controller.reconcile.group_memory import GroupMemory
from aws_lb_controller.reconcile.ingress_group import IngressGroupReconciler
from aws_lb_controller.reconcile.ingress_groups import IngressGroups
from aws_lb_controller.reconcile.keys import Controller, Key
from aws_lb_controller.reconcile.lookout import Lookout
from aws_lb_controller.reconcile.missed_gates import MissedGates
from aws_lb_controller.reconcile.multi_cluster import TrackedTargets
from aws_lb_controller.reconcile.node_security_groups import NodeSecurityGroupsReconciler
from aws_lb_controller.reconcile.ports import AllConfigMaps, EventSink, Obj, Secrets
from aws_lb_controller.reconcile.provision import Provisioner
from aws_lb_controller.reconcile.readiness import PodReadiness
from aws_lb_controller.reconcile.service import ServiceReconciler
from aws_lb_controller.reconcile.telling import Teller
from aws_lb_controller.runtime import logs
from aws_lb_controller.runtime.audit import audit
from aws_lb_controller.runtime.events import Events
from aws_lb_controller.runtime.health import Heartbeat, Server
from aws_lb_controller.runtime.leader import AlwaysLeading, Leader, Leadership, lease_namespace
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.runtime.routing import Routing
from aws_lb_controller.runtime.watches import Watches
from aws_lb_controller.runtime.worker import Reconcile, Workers
from aws_lb_controller.runtime.workqueue import Backoff, Lane, WorkQueue
from aws_lb_controller.settings import Settings
from aws_lb_controller.webhooks.handlers import handlers
from aws_lb_controller.webhooks.quic_server_ids import WorkerConfigMap
from aws_lb_controller.webhooks.reading import ApiServer, Cluster
from aws_lb_controller.webhooks.review import Handler
from aws_lb_controller.webhooks.server import WebhookServer
from aws_lb_controller.webhooks.target_groups import describing

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05
_READINESS_WORKERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """What reconciles: a function per controller, and which keys a change touches.

    doubt: the next reconcile of the key compares what is there with AWS, not with what is remembered.
    """

    reconcilers: Mapping[Controller, Reconcile]
    routing: Routing
    doubt: Callable[[Key], None]


def wire(
    settings: Settings,
    *,
    clients: Clients,
    accounts: Accounts,
    store: Store,
    writer: Writes,
    events: EventSink,
    namespace: Callable[[str], Obj | None],
    enqueue: Callable[[Key], None],
    config_maps: AllConfigMaps,
    secrets: Secrets,
    measure: Callable[[Controller, str], AbstractContextManager[None]] = lambda _controller, _stage: nullcontext(),
    gate_opened: Callable[[str, str, float], None] = lambda _namespace, _name, _seconds: None,
    without_server_id: Callable[[str, str, int], None] = lambda _namespace, _name, _pods: None,
) -> Wired:
    """Joins the reconcilers. namespace: a Namespace by name; enqueue: asks, from any thread, to look at a key.

    accounts: those that bindings name roles of. config_maps: those beside the controller. secrets: those that Ingresses
    name for signing users in. measure: what surrounds each stage of a controller's reconcile. gate_opened,
    without_server_id: what is to be counted of pods.
    """
    backend_group = BackendSecurityGroup(clients, settings)
    inventory = Inventory(clients, settings, backend_group)
    targets, health = Targets(clients, accounts=accounts), Health(clients, accounts=accounts)
    backends = Backends(
        store,
        fail_open=settings.feature_gates.endpoints_fail_open,
        server_id_variable=settings.quic_environment_variable_name,
    )
    lookout = Lookout(
        store=store,
        backends=backends,
        targets=targets,
        health=health,
        enqueue=enqueue,
        max_targets=settings.max_targets_per_target_group,
    )
    deployer = Deployer(
        observer=inventory,
        carrier=Applier(clients, settings, backend_group, secrets.text),
        writer=writer,
        store=store,
        lookout=lookout,
        external_managed_tags=frozenset(settings.external_managed_tags),
    )
    authorities = frozenset(settings.allowed_certificate_authority_arns)
    answerer = Answers(clients, inventory, allowed_authorities=authorities)
    config = BuildConfig.of(settings, clients.vpc_id)

    def provisioning(controller: Controller) -> tuple[Provisioner, Teller]:
        teller = Teller(events, partial(measure, controller))
        return Provisioner(answerer=answerer, deployer=deployer, config=config, teller=teller), teller

    for_services, service_teller = provisioning("service")
    for_groups, group_teller = provisioning("ingress-group")
    groups = IngressGroups(store, settings, namespace=namespace)

    rules = SecurityGroupRules(clients, cluster=settings.cluster_name)
    interfaces = NetworkInterfaces(
        clients, rules, cluster=settings.cluster_name, tags=settings.service_target_eni_security_group_tags
    )
    ledger = AccessLedger(restricted=not settings.disable_restricted_sg_rules)
    opener = AccessOpener(backends=backends, interfaces=interfaces, rules=rules, ledger=ledger)
    desk = AccessDesk(
        store=store,
        backends=backends,
        opener=opener,
        ledger=ledger,
        enqueue=enqueue,
        retry_seconds=settings.targetgroupbinding_requeue_duration.total_seconds(),
    )
    node_groups = NodeSecurityGroupsReconciler(
        store=store, backends=backends, opener=opener, rules=rules, ledger=ledger
    )

    missed_gates = MissedGates(
        store=store,
        backends=backends,
        events=events,
        namespace=namespace,
        on=settings.enable_pod_readiness_gate_inject,
    )
    readiness = PodReadiness(
        store=store,
        backends=backends,
        targets=targets,
        health=health,
        writer=writer,
        missed=missed_gates,
        enqueue=enqueue,
        opened=gate_opened,
    )

    def doubt(key: Key) -> None:
        if key.controller == "service":
            for_services.doubt(StackId("service", key.name))
        elif key.controller == "ingress-group":
            for_groups.doubt(StackId("ingress", key.name))

    idle: frozenset[Controller] = frozenset()
    if not settings.feature_gates.enable_service_controller:
        idle = frozenset({"service"})
    reconcilers: dict[Controller, Reconcile] = {
        "service": ServiceReconciler(
            store=store, writer=writer, provisioner=for_services, teller=service_teller, settings=settings
        ).reconcile,
        "ingress-group": IngressGroupReconciler(
            store=store,
            groups=groups,
            writer=writer,
            provisioner=for_groups,
            teller=group_teller,
            memory=GroupMemory(config_maps),
            secrets=secrets.get,
            settings=settings,
        ).reconcile,
        "binding": _measured(
            partial(measure, "binding", "reconcile_targetgroupbinding"),
            readiness.around(
                BindingReconciler(
                    store=store,
                    writer=writer,
                    events=events,
                    backends=backends,
                    targets=targets,
                    tracked=TrackedTargets(config_maps),
                    desk=desk,
                    ledger=ledger,
                    vpc_networks=interfaces.known.vpc_networks,
                    enqueue=enqueue,
                    brought=lookout.brought,
                    without_server_id=without_server_id,
                    max_targets=settings.max_targets_per_target_group,
                ).reconcile
            ),
        ),
        "pod-readiness": readiness.reconcile,
        "node-security-groups": node_groups.reconcile,
        "backend-security-group": BackendSecurityGroupReconciler(
            store=store, group=backend_group, node_groups=node_groups
        ).reconcile,
        "access": desk.reconcile,
    }
    return Wired(
        doubt=doubt,
        reconcilers={controller: reconcile for controller, reconcile in reconcilers.items() if controller not in idle},
        routing=Routing(store, groups.names, idle=idle),
    )


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT, or until another replica leads.

    Raises `UsageError` where a flag cannot be right.
    """
    await _Program(settings).run()


class LeadershipLost(ControllerError):
    """Another replica leads: this process ends, and begins again with nothing remembered."""


class _Program:
    """Everything that runs, from start to end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._stop, self._led, self._lost = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._metrics = Metrics()
        self._store = Store()
        self._kube = KubeClient.configured(settings.kubeconfig)
        self._reflector = Reflector(self._kube, self._store, namespace=settings.watch_namespace)
        self._watches = Watches(self._kube, self._store, namespace=settings.watch_namespace)
        self._secrets = KubeSecrets(self._kube, self._store, label=settings.required_secrets_label)
        self._events = Events(self._kube)
        self._leader = self._make_leader()
        self._queue = WorkQueue(backoffs=_backoffs(settings), listener=self._metrics)
        clients = make_clients(
            settings, may_write=self._leader.check, record=self._record, record_attempt=self._record_attempt
        )
        accounts = Accounts(clients)
        wired = wire(
            settings,
            clients=clients,
            accounts=accounts,
            store=self._store,
            writer=Writes(self._kube, self._store, may_write=self._leader.check),
            events=self._events,
            namespace=self._namespace,
            enqueue=self._ask,
            secrets=self._secrets,
            config_maps=KubeConfigMaps(
                self._kube, namespace=lease_namespace(settings.leader_election_namespace), may_write=self._leader.check
            ),
            measure=self._metrics.stage,
            gate_opened=self._metrics.gate_opened,
            without_server_id=self._metrics.without_server_id,
        )
        self._routing, self._doubt = wired.routing, wired.doubt
        self._workers = Workers(
            self._queue, wired.reconcilers, concurrency=_concurrency(settings), metrics=self._metrics
        )
        self._server = Server()
        self._webhooks = WebhookServer.of(
            settings, self._handlers(accounts, vpc_id=clients.vpc_id), observe=self._metrics.reviewed
        )
        log.info("version %s, cluster %s, %s, %s", __version__, settings.cluster_name, clients.region, clients.vpc_id)

    async def run(self) -> None:
        """From start to end; whatever ends first ends all."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        self._show()
        answering = asyncio.create_task(self._webhooks.run())
        try:
            await self._serve()
            self._start()
            await self._until_first(
                self._stop.wait(),
                self._hear(),
                self._work(),
                audit(self._settings.sync_period, everything=self._routing.everything, look_at=self._doubt_and_add),
                self._end_if_lost(),
                _ended(answering),
            )
        finally:
            await asyncio.to_thread(self._end)
            answering.cancel()  # to the last, the API server is answered
            await asyncio.wait([answering])
            await self._server.close()

    # ---- start and end

    async def _serve(self) -> None:
        await self._server.serve_health(
            self._settings.health_probe_bind_addr,
            alive=[self._hanging, Heartbeat().standing],
            ready=[self._unlisted, self._webhooks.unready],
        )
        await self._server.serve_metrics(self._settings.metrics_bind_addr, self._metrics)

    def _start(self) -> None:
        self._store.subscribe(self._route)
        self._store.subscribe(self._secrets.named)
        self._events.start()
        self._reflector.start()
        self._leader.start()

    @staticmethod
    async def _until_first(*jobs: Coroutine[Any, Any, Any]) -> None:
        """Runs jobs until one ends; an exception of any is raised once all have ended."""
        tasks = [asyncio.ensure_future(job) for job in jobs]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    def _end(self) -> None:
        """The Lease goes back last, when nothing is written any more."""
        self._watches.stop()
        self._reflector.stop()
        self._workers.close()
        self._secrets.stop()
        self._events.stop()
        self._leader.stop()

    # ---- hearing

    def _route(self, kind: Kind, old: Obj | None, new: Obj | None) -> None:
        for key, lane in self._routing.keys_for(kind, old, new).items():
            self._queue.post(key, lane)

    def _ask(self, key: Key) -> None:
        """A reconcile asks for a key. Where targets wait for it, it goes before edits, and waits for no others."""
        lane = Lane.URGENT if key.controller in ("binding", "access") else Lane.NORMAL
        self._queue.post(key, lane, gather=False)

    async def _hear(self) -> None:
        """kopf looks for its kinds once, so it starts when our own list has found them."""
        await _set(self._reflector.heard_listed)
        self._watches.start()
        await asyncio.Event().wait()

    # ---- answering the API server

    def _handlers(self, accounts: Accounts, *, vpc_id: str) -> Mapping[str, Handler]:
        cluster = Cluster(
            store=self._store,
            live=ApiServer(self._kube),
            ready=self._reflector.listed.is_set,
            watched=self._settings.watch_namespace or "",
        )
        return handlers(
            self._settings,
            cluster=cluster,
            describe=describing(accounts),
            workers=WorkerConfigMap(self._kube),
            vpc_id=vpc_id,
        )

    # ---- working

    async def _work(self) -> None:
        """Nothing is decided before everything is listed, and nothing while another replica leads."""
        await _set(self._reflector.listed)
        await self._led.wait()
        self._add_everything()
        await self._workers.run()

    def _doubt_and_add(self, key: Key) -> None:
        self._doubt(key)
        self._queue.add(key, Lane.BACKGROUND)

    def _add_everything(self) -> None:
        for key, lane in self._routing.everything().items():
            self._queue.add(key, lane)

    # ---- leading

    def _make_leader(self) -> Leadership:
        def started() -> None:
            self._loop.call_soon_threadsafe(self._led.set)

        def stopped() -> None:
            self._loop.call_soon_threadsafe(self._lost.set)

        if not self._settings.enable_leader_election:
            return AlwaysLeading(on_started=started)
        return Leader(
            self._kube,
            name=self._settings.leader_election_id,
            namespace=lease_namespace(self._settings.leader_election_namespace),
            on_started=started,
            on_stopped=stopped,
        )

    async def _end_if_lost(self) -> None:
        await self._lost.wait()
        raise LeadershipLost("the Lease was lost: another replica may lead now")

    # ---- what others see

    def _show(self) -> None:
        self._metrics.show_queue(self._queue)
        self._metrics.show_store(self._store)
        self._metrics.show_workers(self._workers.limits, self._workers.running)
        self._metrics.show_watches(self._reflector.ages, restarts=lambda: self._watches.restarts)
        self._metrics.show_leader(self._settings.leader_election_id, lambda: self._leader.leading)

    def _hanging(self) -> str | None:
        hanging = self._workers.hanging()
        return f"these do not end: {', '.join(map(str, hanging))}" if hanging else None

    def _unlisted(self) -> str | None:
        return None if self._reflector.listed.is_set() else "not everything is listed yet"

    def _record(self, call: Call) -> None:
        logs.aws_call(call)
        self._metrics.aws_call(
            service=call.service,
            operation=call.operation,
            code=call.code,
            seconds=call.seconds,
            retries=call.retries,
            status=call.status,
        )

    def _record_attempt(self, attempt: Attempt) -> None:
        self._metrics.aws_request(
            service=attempt.service,
            operation=attempt.operation,
            status=attempt.status,
            code=attempt.code,
            seconds=attempt.seconds,
        )

    def _namespace(self, name: str) -> Obj | None:
        try:
            found: Obj = self._kube.get(NAMESPACE.path_of("", name))
        except KubernetesNotFound:
            return None
        return found


def _measured(measure: Callable[[], AbstractContextManager[None]], reconcile: Reconcile) -> Reconcile:
    """A reconcile that is one stage in itself."""

    def measured(name: str) -> None:
        with measure():
            reconcile(name)

    return measured


def _concurrency(settings: Settings) -> dict[Controller, int]:
    return {
        "service": settings.service_max_concurrent_reconciles,
        "ingress-group": settings.ingress_max_concurrent_reconciles,
        "binding": settings.targetgroupbinding_max_concurrent_reconciles,
        "access": settings.targetgroupbinding_max_concurrent_reconciles,
        "pod-readiness": _READINESS_WORKERS,
    }


def _backoffs(settings: Settings) -> dict[Controller, Backoff]:
    longest = settings.targetgroupbinding_max_exponential_backoff_delay.total_seconds()
    return {"binding": Backoff(most=longest), "pod-readiness": Backoff(first=2.0, most=30.0)}


async def _ended(task: asyncio.Task[None]) -> None:
    """Waits for a task that outlives whoever waits."""
    await asyncio.shield(task)


async def _set(event: threading.Event) -> None:
    """Waits for an event of other threads."""
    while not event.is_set():
        await asyncio.sleep(_LOOK_SECONDS)
