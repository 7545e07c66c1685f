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
from aws_lb_controller.reconcile.node_security_groups import NodeSecurityGroupsReconciler
from aws_lb_controller.reconcile.ports import ConfigMaps, EventSink, KubernetesWriter, Obj, Secrets
from aws_lb_controller.reconcile.provision import Provisioner
from aws_lb_controller.reconcile.service import ServiceReconciler
from aws_lb_controller.reconcile.telling import Teller
from aws_lb_controller.runtime.events import Events
from aws_lb_controller.runtime.health import Server
from aws_lb_controller.runtime.leader import AlwaysLeading, Leader, Leadership, lease_namespace
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.runtime.routing import Routing
from aws_lb_controller.runtime.watches import Watches
from aws_lb_controller.runtime.worker import Reconcile, Workers
from aws_lb_controller.runtime.workqueue import Backoff, Lane, WorkQueue
from aws_lb_controller.settings import Settings

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05


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
    store: Store,
    writer: KubernetesWriter,
    events: EventSink,
    namespace: Callable[[str], Obj | None],
    enqueue: Callable[[Key], None],
    config_maps: ConfigMaps,
    secrets: Secrets,
    measure: Callable[[Controller, str], AbstractContextManager[None]] = lambda _controller, _stage: nullcontext(),
) -> Wired:
    """Joins the reconcilers. namespace: a Namespace by name; enqueue: asks, from any thread, to look at a key.

    config_maps: those beside the controller. secrets: those that Ingresses name for signing users in. measure: what
    surrounds each stage of a controller's reconcile.
    """
    backend_group = BackendSecurityGroup(clients, settings)
    inventory = Inventory(clients, settings, backend_group)
    targets, backends = Targets(clients), Backends(store, fail_open=settings.feature_gates.endpoints_fail_open)
    lookout = Lookout(
        store=store,
        backends=backends,
        targets=targets,
        health=Health(clients),
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
    node_groups = NodeSecurityGroupsReconciler(
        store=store, backends=backends, opener=opener, rules=rules, ledger=ledger
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
        "binding": BindingReconciler(
            store=store,
            writer=writer,
            events=events,
            backends=backends,
            targets=targets,
            opener=opener,
            ledger=ledger,
            vpc_networks=interfaces.vpc_networks,
            enqueue=enqueue,
            brought=lookout.brought,
            max_targets=settings.max_targets_per_target_group,
            retry_seconds=settings.targetgroupbinding_requeue_duration.total_seconds(),
        ).reconcile,
        "node-security-groups": node_groups.reconcile,
        "backend-security-group": BackendSecurityGroupReconciler(
            store=store, group=backend_group, node_groups=node_groups
        ).reconcile,
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
        self._queue = WorkQueue(backoffs=_backoffs(settings))
        clients = make_clients(
            settings, may_write=self._leader.check, record=self._record, record_attempt=self._record_attempt
        )
        wired = wire(
            settings,
            clients=clients,
            store=self._store,
            writer=Writes(self._kube, self._store, may_write=self._leader.check),
            events=self._events,
            namespace=self._namespace,
            enqueue=self._queue.post,
            secrets=self._secrets,
            config_maps=KubeConfigMaps(
                self._kube, namespace=lease_namespace(settings.leader_election_namespace), may_write=self._leader.check
            ),
            measure=self._metrics.stage,
        )
        self._routing, self._doubt = wired.routing, wired.doubt
        self._workers = Workers(
            self._queue, wired.reconcilers, concurrency=_concurrency(settings), metrics=self._metrics
        )
        self._server = Server()
        log.info("version %s, cluster %s, %s, %s", __version__, settings.cluster_name, clients.region, clients.vpc_id)

    async def run(self) -> None:
        """From start to end; whatever ends first ends all."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        self._show()
        try:
            await self._serve()
            self._start()
            await self._until_first(self._stop.wait(), self._hear(), self._work(), self._audit(), self._end_if_lost())
        finally:
            await asyncio.to_thread(self._end)
            await self._server.close()

    # ---- start and end

    async def _serve(self) -> None:
        await self._server.serve_health(
            self._settings.health_probe_bind_addr, alive=[self._hanging], ready=[self._unlisted]
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

    async def _hear(self) -> None:
        """kopf looks for its kinds once, so it starts when our own list has found them."""
        await _set(self._reflector.heard_listed)
        self._watches.start()
        await asyncio.Event().wait()

    # ---- working

    async def _work(self) -> None:
        """Nothing is decided before everything is listed, and nothing while another replica leads."""
        await _set(self._reflector.listed)
        await self._led.wait()
        self._add_everything()
        await self._workers.run()

    async def _audit(self) -> None:
        """Once in each sync period every stack is compared with AWS, one after the other, so that no burst of calls
        comes of it; what others changed is found then.
        """
        if self._settings.sync_period is None:
            await asyncio.Event().wait()
            return
        waiting: list[Key] = []
        period = self._settings.sync_period.total_seconds()
        pause = period
        while True:
            await asyncio.sleep(pause)
            if not waiting:
                waiting = [*self._routing.everything()]
                pause = period / max(1, len(waiting))
            key = waiting.pop()
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
        self._metrics.show_watches(self._reflector.ages)
        self._metrics.show_leader(self._settings.leader_election_id, lambda: self._leader.leading)

    def _hanging(self) -> str | None:
        hanging = self._workers.hanging()
        return f"these do not end: {', '.join(map(str, hanging))}" if hanging else None

    def _unlisted(self) -> str | None:
        return None if self._reflector.listed.is_set() else "not everything is listed yet"

    def _record(self, call: Call) -> None:
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


def _concurrency(settings: Settings) -> dict[Controller, int]:
    return {
        "service": settings.service_max_concurrent_reconciles,
        "ingress-group": settings.ingress_max_concurrent_reconciles,
        "binding": settings.targetgroupbinding_max_concurrent_reconciles,
    }


def _backoffs(settings: Settings) -> dict[Controller, Backoff]:
    longest = settings.targetgroupbinding_max_exponential_backoff_delay.total_seconds()
    return {"binding": Backoff(most=longest)}


async def _set(event: threading.Event) -> None:
    """Waits for an event of other threads."""
    while not event.is_set():
        await asyncio.sleep(_LOOK_SECONDS)
