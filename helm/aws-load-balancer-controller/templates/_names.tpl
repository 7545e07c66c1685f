{{/* Names of objects, and the labels that all of them have. Every name is what an upgrade from v3.5.0 finds in place. */}}

{{- define "lbc.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name where the chart's is part of it, else both. */}}
{{- define "lbc.fullname" -}}
{{- $chart := .Values.nameOverride | default .Chart.Name -}}
{{- $both := contains $chart .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $chart) -}}
{{- .Values.fullnameOverride | default $both | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Start of the names of webhooks and certificates, without the release's: there is one of each in a cluster. */}}
{{- define "lbc.prefix" -}}
{{- .Values.nameOverride | default (trimSuffix "-controller" .Chart.Name) | trunc 42 | trimSuffix "-" -}}
{{- end -}}

{{- define "lbc.serviceAccount" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "lbc.fullname" .) "default" -}}
{{- .Values.serviceAccount.name | default $own -}}
{{- end -}}

{{- define "lbc.selector" -}}
app.kubernetes.io/name: {{ include "lbc.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lbc.labels" -}}
{{- if eq "helm" (.Values.creator | default "helm") }}
{{- /* what Helm itself goes by */}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ end -}}
{{ include "lbc.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.additionalLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object: called with the root, a name, and more labels as text. Cluster-wide where `cluster` is true. */}}
{{- define "lbc.metadata" -}}
name: {{ .name }}
{{- if not .cluster }}
namespace: {{ .namespace | default .root.Release.Namespace }}
{{- end }}
labels:
  {{- include "lbc.labels" .root | trim | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The port of the metrics, 0 where there are none. */}}
{{- define "lbc.metricsPort" -}}
{{- $address := .Values.metricsBindAddr | default ":8080" -}}
{{- regexReplaceAll "^.*:" $address "" -}}
{{- end -}}
