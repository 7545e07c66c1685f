{{/*
The webhooks' certificate, its key and its authority as YAML (ca, cert, key in base64): what is given, else what the
Secret in the cluster has, else new ones for ten years. One that cert-manager left is not kept: nobody would renew it.
*/}}
{{- define "lbc.certificate" -}}
{{- $given := .Values.webhookTLS -}}
{{- $service := printf "%s-webhook-service" (include "lbc.prefix" .) -}}
{{- $found := lookup "v1" "Secret" .Release.Namespace (printf "%s-tls" (include "lbc.prefix" .)) | default dict -}}
{{- $foreign := hasKey (($found.metadata | default dict).annotations | default dict) "cert-manager.io/certificate-name" -}}
{{- $kept := $foreign | ternary dict ($found.data | default dict) -}}
{{- if or $given.caCert $given.cert $given.key -}}
{{- range $part := list "caCert" "cert" "key" -}}
{{- if not (get $given $part) }}{{ fail (printf "webhookTLS.%s: is missing; caCert, cert and key go together" $part) }}{{ end -}}
{{- end -}}
ca: {{ b64enc $given.caCert }}
cert: {{ b64enc $given.cert }}
key: {{ b64enc $given.key }}
{{- else if and (get $kept "ca.crt") (get $kept "tls.crt") (get $kept "tls.key") -}}
ca: {{ get $kept "ca.crt" }}
cert: {{ get $kept "tls.crt" }}
key: {{ get $kept "tls.key" }}
{{- else -}}
{{- $host := printf "%s.%s" $service .Release.Namespace -}}
{{- $names := list $host (printf "%s.svc" $host) (printf "%s.svc.%s" $host .Values.cluster.dnsDomain) -}}
{{- $authority := genCA "aws-load-balancer-controller-ca" 3650 -}}
{{- $made := genSignedCert (include "lbc.fullname" .) nil $names 3650 $authority -}}
ca: {{ b64enc $authority.Cert }}
cert: {{ b64enc $made.Cert }}
key: {{ b64enc $made.Key }}
{{- end -}}
{{- end -}}
