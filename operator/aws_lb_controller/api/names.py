"""The names by which users, other programs and our own earlier runs know us: they are a contract and never change.

Annotation keys without their prefix are not here but in the annotation table (`intent`), next to what they mean.
"""

from __future__ import annotations

from enum import StrEnum

GROUP = "elbv2.k8s.aws"
VERSION = "v1beta1"
API_VERSION = f"{GROUP}/{VERSION}"
TARGET_GROUP_BINDINGS = "targetgroupbindings"
INGRESS_CLASS_PARAMS = "ingressclassparams"

INGRESS_ANNOTATION_PREFIX = "alb.ingress.kubernetes.io"
SERVICE_ANNOTATION_PREFIX = "service.beta.kubernetes.io"
INGRESS_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
CHECKPOINT_ANNOTATION = "elbv2.k8s.aws/checkpoint"
"""On a TargetGroupBinding: a digest of what was last carried out for it."""
DEPLOYED_ANNOTATION = "elbv2.k8s.aws/deployed-stack"
"""On one TargetGroupBinding of a stack: a digest of the whole stack, while AWS is known to be as it says."""
CLIENT_SECRETS_ANNOTATION = "elbv2.k8s.aws/deployed-client-secrets"
"""On one TargetGroupBinding of a stack: marks of the OIDC client secrets that AWS was given, nothing of the secrets."""

INGRESS_CLASS_CONTROLLER = "ingress.k8s.aws/alb"
"""The ``spec.controller`` of IngressClasses that are ours."""


class Finalizer(StrEnum):
    """What we put into ``metadata.finalizers``, so that an object stays until its AWS resources are gone."""

    SERVICE = "service.k8s.aws/resources"
    INGRESS = "ingress.k8s.aws/resources"
    TARGET_GROUP_BINDING = "elbv2.k8s.aws/resources"


GROUP_FINALIZER_PREFIX = "group.ingress.k8s.aws/"


def ingress_finalizer(group: str) -> str:
    """The finalizer of an Ingress's group: ``namespace/name`` for an Ingress alone, else the explicit group's name."""
    return Finalizer.INGRESS if "/" in group else GROUP_FINALIZER_PREFIX + group


class Label(StrEnum):
    """Labels that we read."""

    POD_READINESS_GATE_INJECT = "elbv2.k8s.aws/pod-readiness-gate-inject"
    SERVICE_NAME = "kubernetes.io/service-name"


READINESS_GATE_PREFIX = "target-health.elbv2.k8s.aws/"
"""Start of the condition type by which a pod waits for its target's health; the binding's name follows."""

LONGEST_GATE = 63
"""Letters that Kubernetes takes behind the prefix: bindings with longer names have no gates."""

MULTI_CLUSTER_CONFIG_MAP_PREFIX = "aws-lbc-targets-"
"""Start of the name of the ConfigMap with this cluster's targets of a shared group; the binding's name follows."""


GROUP_CONFIG_MAP_PREFIX = "aws-lbc-group-"
"""Start of the name of the ConfigMap with what each member of a group last gave; the group's name follows."""


class Tag(StrEnum):
    """Keys of AWS tags. Those with ``k8s.aws`` are how we find our own resources; the others mark subnets."""

    CLUSTER = "elbv2.k8s.aws/cluster"
    RESOURCE = "elbv2.k8s.aws/resource"
    INGRESS_STACK = "ingress.k8s.aws/stack"
    INGRESS_RESOURCE = "ingress.k8s.aws/resource"
    SERVICE_STACK = "service.k8s.aws/stack"
    SERVICE_RESOURCE = "service.k8s.aws/resource"
    PUBLIC_SUBNET = "kubernetes.io/role/elb"
    PRIVATE_SUBNET = "kubernetes.io/role/internal-elb"


CLUSTER_TAG_OF_V1 = "ingress.k8s.aws/cluster"
"""Stands in place of `Tag.CLUSTER` on what aws-alb-ingress-controller 1.1.3 and later made."""


def cluster_tag(cluster: str) -> str:
    """The tag of a cluster's subnets and of its nodes' security groups (value ``owned`` or ``shared``)."""
    return f"kubernetes.io/cluster/{cluster}"


class Reason(StrEnum):
    """The ``reason`` of Events on Services, Ingresses and TargetGroupBindings."""

    SUCCESSFULLY_RECONCILED = "SuccessfullyReconciled"
    FAILED_BUILD_MODEL = "FailedBuildModel"
    FAILED_DEPLOY_MODEL = "FailedDeployModel"
    FAILED_ADD_FINALIZER = "FailedAddFinalizer"
    FAILED_REMOVE_FINALIZER = "FailedRemoveFinalizer"
    FAILED_UPDATE_STATUS = "FailedUpdateStatus"
    FAILED_CLEANUP_STATUS = "FailedCleanupStatus"
    FAILED_CLEANUP = "FailedCleanup"
    FAILED_LOAD_GROUP_ID = "FailedLoadGroupID"
    FAILED_NETWORK_RECONCILE = "FailedNetworkReconcile"
    FAILED_RECONCILE = "FailedReconcile"
    CONFLICTING_INGRESS_CLASS = "ConflictingIngressClass"
    BACKEND_NOT_FOUND = "BackendNotFound"
