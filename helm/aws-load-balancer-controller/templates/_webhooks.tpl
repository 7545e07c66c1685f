{{/*
One webhook of files/webhooks.yaml as values would have it: where the webhooks are served, whom they trust, who the
controller is, and what the values of that webhook say. Called with a dict: root, hook, caBundle (empty with cert-manager).
Gives nothing for one that is turned off.
*/}}
{{- define "lbc.webhook" -}}
{{- $v := .root.Values -}}
{{- $hook := .hook -}}
{{- $_ := set $hook.clientConfig.service "name" (printf "%s-webhook-service" (include "lbc.prefix" .root)) -}}
{{- $_ = set $hook.clientConfig.service "namespace" .root.Release.Namespace -}}
{{- with .caBundle }}{{ $_ = set $hook.clientConfig "caBundle" . }}{{ end -}}
{{- $account := printf "system:serviceaccount:%s:%s" .root.Release.Namespace (include "lbc.serviceAccount" .root) -}}
{{- $class := printf "== %s" ($v.ingressClass | default "alb" | quote) -}}
{{- range $hook.matchConditions -}}
{{- $_ = set . "expression" (.expression | replace "system:serviceaccount:kube-system:aws-load-balancer-controller" $account | replace "== \"alb\"" $class) -}}
{{- end -}}
{{- range ($hook.objectSelector | default dict).matchExpressions -}}
{{- if eq "app.kubernetes.io/name" .key }}{{ $_ = set . "values" (list (include "lbc.name" $.root)) }}{{ end -}}
{{- end -}}
{{- $pods := $v.objectSelector -}}
{{- $services := $v.serviceMutatorWebhookConfig -}}
{{- $ingresses := $v.webhookConfig -}}
{{- $said := get (dict
  "mpod.elbv2.k8s.aws" (dict "policy" $v.podMutatorWebhookConfig.failurePolicy "namespaces" $v.webhookNamespaceSelectors "objects" $pods)
  "quicid.elbv2.k8s.aws" (dict "namespaces" $v.webhookNamespaceSelectors "objects" $pods)
  "mservice.elbv2.k8s.aws" (dict
    "off" (not $v.enableServiceMutatorWebhook)
    "policy" $services.failurePolicy
    "operations" $services.operations
    "namespaces" $services.namespaceSelectors
    "objects" $services.objectSelector)
  "vingress.elbv2.k8s.aws" (dict
    "off" $ingresses.disableIngressValidation
    "policy" $ingresses.ingressValdationFailurePolicy
    "namespaces" $ingresses.ingressValidationNamespaceSelector.matchExpressions
    "namespaceLabels" $ingresses.ingressValidationNamespaceSelector.matchLabels
    "objects" $ingresses.ingressValidationObjectSelector)
) $hook.name | default dict -}}
{{- with $said.policy }}{{ $_ = set $hook "failurePolicy" . }}{{ end -}}
{{- with $said.operations }}{{ $_ = set (first $hook.rules) "operations" . }}{{ end -}}
{{- with $said.namespaces }}{{ $_ = set $hook "namespaceSelector" (dict "matchExpressions" .) }}{{ end -}}
{{- with $said.namespaceLabels }}{{ $_ = set $hook "namespaceSelector" (merge (dict "matchLabels" .) ($hook.namespaceSelector | default dict)) }}{{ end -}}
{{- $objects := $hook.objectSelector | default dict -}}
{{- with ($said.objects | default dict).matchExpressions }}{{ $_ = set $objects "matchExpressions" (concat ($objects.matchExpressions | default list) .) }}{{ end -}}
{{- with ($said.objects | default dict).matchLabels }}{{ $_ = set $objects "matchLabels" . }}{{ end -}}
{{- with $objects }}{{ $_ = set $hook "objectSelector" . }}{{ end -}}
{{- if not $said.off }}{{ toYaml (list $hook) }}{{ end -}}
{{- end -}}
