"""Admission webhooks, under the paths of the peer.

`server` speaks with the API server, `review` is what is asked and answered, `handlers` has a handler for each path. Of
these each is a module: `pod_readiness`, `quic_server_ids` and `target_control` for pods, `service_class`,
`binding_defaults` and `binding_rules`, `ingress_rules`, `class_params_rules`, `accelerator_rules`. What they read of
the cluster and of AWS comes through `reading` and `target_groups`; `answers` has what their verdicts are made of.
"""
