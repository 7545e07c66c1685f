"""Kubernetes Services and Ingresses become AWS load balancers; their targets follow the pods."""

__version__ = "0.1.0"
