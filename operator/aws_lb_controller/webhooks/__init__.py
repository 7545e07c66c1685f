"""Admission webhooks, under the paths of the peer (empty until they are built)."""
