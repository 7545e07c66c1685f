"""The kinds of Kubernetes objects that the controller reads, and where the API server has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource of the Kubernetes API: group ("" for core), version, plural, kind, and whether it lives in
    namespaces.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """``apiVersion`` as manifests have it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """The URL path that lists the kind over all namespaces."""
        root = f"/apis/{self.group}" if self.group else "/api"
        return f"{root}/{self.version}/{self.plural}"

    def path_of(self, namespace: str, name: str) -> str:
        """The URL path of one object; namespace is "" for kinds without."""
        return f"{self.path_in(namespace)}/{name}"

    def path_in(self, namespace: str) -> str:
        """The URL path that lists the kind in a namespace; "" for kinds without."""
        root = self.path.removesuffix(self.plural)
        place = f"namespaces/{namespace}/" if self.namespaced else ""
        return f"{root}{place}{self.plural}"

    def __str__(self) -> str:
        return self.kind


SERVICE = Kind("", "v1", "services", "Service")
INGRESS = Kind("networking.k8s.io", "v1", "ingresses", "Ingress")
INGRESS_CLASS = Kind("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False)
INGRESS_CLASS_PARAMS = Kind("elbv2.k8s.aws", "v1beta1", "ingressclassparams", "IngressClassParams", namespaced=False)
TARGET_GROUP_BINDING = Kind("elbv2.k8s.aws", "v1beta1", "targetgroupbindings", "TargetGroupBinding")
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
POD = Kind("", "v1", "pods", "Pod")
NODE = Kind("", "v1", "nodes", "Node", namespaced=False)
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap")
NAMESPACE = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
SECRET = Kind("", "v1", "secrets", "Secret")

HEARD_BY_KOPF = (SERVICE, INGRESS, INGRESS_CLASS, INGRESS_CLASS_PARAMS, TARGET_GROUP_BINDING)
"""Few objects: kopf's ``on.event`` hears them; our reflector lists them for the gate and against ghosts."""

REFLECTED = (ENDPOINT_SLICE, POD, NODE)
"""Many objects: only our own lean list-and-watch hears them."""
