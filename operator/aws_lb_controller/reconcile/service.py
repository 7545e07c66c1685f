"""A Service: its NLB is made and kept, and goes with the Service or when the Service no longer asks for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aws_lb_controller.api.names import SERVICE_ANNOTATION_PREFIX, Finalizer, Reason
from aws_lb_controller.cluster.indexes import finalizers_of
from aws_lb_controller.cluster.kinds import SERVICE
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.deletion_protection import protected
from aws_lb_controller.intent.service import (
    deletion_protection,
    is_ours,
    object_ref,
    read_ignored_type,
    read_service,
    stack_id,
)
from aws_lb_controller.reconcile.deploy import Deployed
from aws_lb_controller.reconcile.ports import KubernetesWriter, Obj
from aws_lb_controller.reconcile.provision import Provisioner
from aws_lb_controller.reconcile.status import told_of
from aws_lb_controller.reconcile.telling import Teller
from aws_lb_controller.settings import Settings

_ATTRIBUTES = f"{SERVICE_ANNOTATION_PREFIX}/aws-load-balancer-attributes"


class ServiceReconciler:
    """Reconciles one Service at a time."""

    def __init__(
        self,
        *,
        store: Store,
        writer: KubernetesWriter,
        provisioner: Provisioner,
        teller: Teller,
        settings: Settings,
    ) -> None:
        self._store, self._writer, self._provisioner = store, writer, provisioner
        self._teller, self._settings = teller, settings

    def reconcile(self, name: str) -> None:
        """name: ``namespace/name``."""
        service = self._store.get(SERVICE, *name.split("/"))
        if service is None:
            self._teller.forget(name)
            return
        if is_ours(service, self._settings):
            self._provision(service)
        elif Finalizer.SERVICE in finalizers_of(service):
            self._clean_up(service)
        else:
            self._teller.passed_over(service, read_ignored_type(service))

    def _provision(self, service: Obj) -> None:
        with self._teller.stage([service], Reason.FAILED_BUILD_MODEL):
            intent, passed_over = read_service(service, self._settings, services=partial(self._store.get, SERVICE))
        self._teller.passed_over(service, passed_over)
        deployed = self._provisioner.provision(
            intent, told=[service], before=lambda: self._hold(service), publish=lambda it: self._publish(service, it)
        )
        if deployed.unmet:
            with self._teller.stage([service], Reason.FAILED_DEPLOY_MODEL):
                raise UnmetNeed(deployed.unmet)
        self._teller.success([service], changed=deployed.changed or not told_of(service))
        if deployed.later:
            raise deployed.later

    def _publish(self, service: Obj, deployed: Deployed) -> None:
        with self._teller.stage([service], Reason.FAILED_UPDATE_STATUS):
            self._writer.patch_status(SERVICE, service, _status(service, deployed))

    def _hold(self, service: Obj) -> None:
        with self._teller.stage([service], Reason.FAILED_ADD_FINALIZER):
            self._writer.add_finalizer(SERVICE, service, Finalizer.SERVICE)

    def _clean_up(self, service: Obj) -> None:
        with self._teller.stage([service], Reason.FAILED_BUILD_MODEL):
            if deletion_protection(service):
                raise SpecError([protected(object_ref(service), _ATTRIBUTES)])
        off = deletion_protection(service) is False
        self._provisioner.remove(stack_id(service), told=[service], deletion_protection_off=off)
        with self._teller.stage([service], Reason.FAILED_CLEANUP_STATUS):
            service = self._writer.patch_status(SERVICE, service, {"loadBalancer": {"ingress": None}})
        with self._teller.stage([service], Reason.FAILED_REMOVE_FINALIZER):
            self._writer.remove_finalizer(SERVICE, service, Finalizer.SERVICE)


def _status(service: Obj, deployed: Deployed) -> Mapping[str, Any]:
    """``status`` of the Service. As in v3.5.0 a port keeps the protocol that it was first told with."""
    ports = [{"port": p["port"], "protocol": p.get("protocol", "TCP")} for p in service["spec"].get("ports") or ()]
    told = told_of(service)
    names = deployed.dns_names()
    if names == tuple(one.get("hostname") for one in told) and all(_same_numbers(ports, one) for one in told):
        return {"loadBalancer": {"ingress": told}}
    return {"loadBalancer": {"ingress": [{"hostname": host, "ports": ports} for host in names]}}


def _same_numbers(ports: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> bool:
    there = told.get("ports") or ()
    return len(ports) == len(there) and {p["port"] for p in ports} <= {p["port"] for p in there}
