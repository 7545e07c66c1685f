"""The only package that talks to the Kubernetes API: the store, its watches, writes and views."""
