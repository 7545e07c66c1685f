"""An IngressGroup: its ALB is made and kept for all members together, and goes with the last of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_lb_controller.api.names import Reason
from aws_lb_controller.cluster.kinds import INGRESS, SERVICE
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent.group import deletion_protection, finalizer_of, read_group
from aws_lb_controller.intent.ingress_class import ingress_name
from aws_lb_controller.intent.ingress_member import MemberInput
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.reconcile.deploy import Deployed
from aws_lb_controller.reconcile.ingress_groups import Group, IngressGroups
from aws_lb_controller.reconcile.ports import KubernetesWriter, Obj
from aws_lb_controller.reconcile.provision import Provisioner
from aws_lb_controller.reconcile.telling import Teller
from aws_lb_controller.settings import Settings


class IngressGroupReconciler:
    """Reconciles one group at a time."""

    def __init__(
        self,
        *,
        store: Store,
        groups: IngressGroups,
        writer: KubernetesWriter,
        provisioner: Provisioner,
        teller: Teller,
        settings: Settings,
    ) -> None:
        self._store, self._groups, self._writer = store, groups, writer
        self._provisioner, self._teller, self._settings = provisioner, teller, settings

    def reconcile(self, name: str) -> None:
        """name: ``namespace/name`` of an Ingress alone, or an explicit group's name."""
        group = self._groups.load(name)
        self._tell_unplaced(group)
        if group.members:
            self._provision(name, group)
        elif group.leaving:
            self._remove(name, group)
        self._let_go(name, group.leaving)

    def _tell_unplaced(self, group: Group) -> None:
        """Members whose class was taken away still count: the group stays as it is until that is mended."""
        for unplaced in group.unplaced:
            self._teller.failure([unplaced.ingress], Reason.FAILED_LOAD_GROUP_ID, unplaced.problem)
        if problems := [p for unplaced in group.unplaced if unplaced.held for p in unplaced.problem.problems]:
            raise SpecError(problems)

    def _provision(self, name: str, group: Group) -> None:
        members = [self._with_finalizer(name, member) for member in group.members]
        told = [member.ingress for member in members]
        with self._teller.stage(told, Reason.FAILED_BUILD_MODEL):
            intent, passed_over = read_group(name, members, services=self._service, settings=self._settings)
        self._tell_passed_over(told, passed_over)
        deployed = self._provisioner.provision(intent, told=told, publish=lambda it: self._publish(told, it))
        self._teller.success(told, changed=deployed.changed or any(_lacks_status(ingress) for ingress in told))
        if deployed.later:
            raise deployed.later

    def _publish(self, members: Sequence[Obj], deployed: Deployed) -> None:
        status = _status(deployed)
        with self._teller.stage(members, Reason.FAILED_UPDATE_STATUS):
            for ingress in members:
                self._writer.patch_status(INGRESS, ingress, status)

    def _with_finalizer(self, name: str, member: MemberInput) -> MemberInput:
        with self._teller.stage([member.ingress], Reason.FAILED_ADD_FINALIZER):
            ingress = self._writer.add_finalizer(INGRESS, member.ingress, finalizer_of(name))
        return MemberInput(ingress=ingress, classified=member.classified)

    def _service(self, namespace: str, name: str) -> Obj | None:
        return self._store.get(SERVICE, namespace, name)

    def _tell_passed_over(self, ingresses: Sequence[Obj], problems: Sequence[Problem]) -> None:
        for ingress in ingresses:
            mine = [p for p in problems if p.object == f"Ingress {ingress_name(ingress)}"]
            self._teller.passed_over(ingress, mine)

    def _remove(self, name: str, group: Group) -> None:
        """Nobody is told of what goes wrong now: an object that is being deleted is read by nobody."""
        for ingress in group.leaving:
            if deletion_protection(ingress):
                raise SpecError([_protected(ingress)])
        off = any(deletion_protection(ingress) is False for ingress in group.leaving)
        self._provisioner.remove(StackId("ingress", name), told=(), deletion_protection_off=off)

    def _let_go(self, name: str, leaving: Sequence[Obj]) -> None:
        for ingress in leaving:
            with self._teller.stage((), Reason.FAILED_REMOVE_FINALIZER):
                self._writer.remove_finalizer(INGRESS, ingress, finalizer_of(name))


def _status(deployed: Deployed) -> Mapping[str, Any]:
    ports = [{"port": port, "protocol": "TCP"} for port in deployed.listener_ports()]
    return {"loadBalancer": {"ingress": [{"hostname": host, "ports": ports} for host in deployed.dns_names()]}}


def _lacks_status(ingress: Obj) -> bool:
    return not ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress")


def _protected(ingress: Obj) -> Problem:
    return Problem(
        f"Ingress {ingress_name(ingress)}",
        "alb.ingress.kubernetes.io/load-balancer-attributes",
        "deletion_protection.enabled=true",
        "set deletion_protection.enabled=false to let the load balancer be deleted",
    )
