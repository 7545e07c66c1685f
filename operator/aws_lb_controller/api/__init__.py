"""Our two CRDs as typed models, and every name that is part of the contract with users.

`target_group_binding` and `ingress_class_params` hold one kind each, `selector` what they share; `resource` reads and
writes them, `names` has finalizers, tags, labels, Event reasons and the like.
"""
