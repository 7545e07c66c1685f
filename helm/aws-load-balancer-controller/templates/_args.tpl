{{/*
The program's arguments: a table of flags and the values that fill them. What is null or empty is left out, so that the
program's own default holds; false and 0 are not empty.
*/}}
{{- define "lbc.args" -}}
{{- $v := .Values -}}
{{- $cluster := tpl ($v.clusterName | default "" | toString) . -}}
{{- $flags := list
  (list "cluster-name" (required "clusterName is required: the name that the tags of the cluster's AWS resources have" $cluster))
  (list "ingress-class" $v.ingressClass)
  (list "aws-region" (tpl ($v.region | default "" | toString) .))
  (list "aws-vpc-id" (tpl ($v.vpcId | default "" | toString) .))
  (list "aws-vpc-tags" $v.vpcTags)
  (list "aws-api-endpoints" $v.awsApiEndpoints)
  (list "aws-api-throttle" $v.awsApiThrottle)
  (list "aws-max-retries" $v.awsMaxRetries)
  (list "default-target-type" (ne "instance" $v.defaultTargetType | ternary $v.defaultTargetType nil))
  (list "default-load-balancer-scheme" $v.defaultLoadBalancerScheme)
  (list "default-ssl-policy" $v.defaultSSLPolicy)
  (list "default-tags" $v.defaultTags)
  (list "external-managed-tags" $v.externalManagedTags)
  (list "load-balancer-class" $v.loadBalancerClass)
  (list "enable-shield" $v.enableShield)
  (list "enable-waf" $v.enableWaf)
  (list "enable-wafv2" $v.enableWafv2)
  (list "enable-pod-readiness-gate-inject" $v.enablePodReadinessGateInject)
  (list "enable-endpoint-slices" $v.enableEndpointSlices)
  (list "enable-backend-security-group" $v.enableBackendSecurityGroup)
  (list "enable-manage-backend-security-group-rules" $v.enableManageBackendSecurityGroupRules)
  (list "backend-security-group" $v.backendSecurityGroup)
  (list "disable-restricted-sg-rules" $v.disableRestrictedSecurityGroupRules)
  (list "disable-ingress-class-annotation" $v.disableIngressClassAnnotation)
  (list "disable-ingress-group-name-annotation" $v.disableIngressGroupNameAnnotation)
  (list "tolerate-non-existent-backend-service" $v.tolerateNonExistentBackendService)
  (list "tolerate-non-existent-backend-action" $v.tolerateNonExistentBackendAction)
  (list "max-targets-per-target-group" $v.maxTargetsPerTargetGroup)
  (list "service-target-eni-security-group-tags" $v.serviceTargetENISGTags)
  (list "allowed-certificate-authority-arns" $v.certDiscovery.allowedCertificateAuthorityARNs)
  (list "default-pca-arn" $v.certManagement.defaultPCAARN)
  (list "watch-namespace" $v.watchNamespace)
  (list "sync-period" $v.syncPeriod)
  (list "ingress-max-concurrent-reconciles" $v.ingressMaxConcurrentReconciles)
  (list "service-max-concurrent-reconciles" $v.serviceMaxConcurrentReconciles)
  (list "targetgroupbinding-max-concurrent-reconciles" $v.targetgroupbindingMaxConcurrentReconciles)
  (list "targetgroupbinding-max-exponential-backoff-delay" $v.targetgroupbindingMaxExponentialBackoffDelay)
  (list "targetgroupbinding-requeue-duration" $v.targetgroupbindingRequeueDuration)
  (list "alb-gateway-max-concurrent-reconciles" $v.albGatewayMaxConcurrentReconciles)
  (list "nlb-gateway-max-concurrent-reconciles" $v.nlbGatewayMaxConcurrentReconciles)
  (list "globalaccelerator-max-concurrent-reconciles" $v.globalAcceleratorMaxConcurrentReconciles)
  (list "globalaccelerator-max-exponential-backoff-delay" $v.globalAcceleratorMaxExponentialBackoffDelay)
  (list "lb-stabilization-monitor-interval" $v.lbStabilizationMonitorInterval)
  (list "feature-gates" $v.controllerConfig.featureGates)
  (list "metrics-bind-addr" $v.metricsBindAddr)
  (list "webhook-bind-port" $v.webhookBindPort)
  (list "log-level" $v.logLevel)
-}}
{{- range $flags -}}
{{- $text := include "lbc.text" (last .) -}}
{{- if $text }}
- {{ printf "--%s=%s" (first .) $text | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A value as a flag has it: lists and maps joined by commas, whole numbers without an exponent. */}}
{{- define "lbc.text" -}}
{{- if kindIs "map" . -}}
{{- $pairs := list -}}
{{- range $key, $value := . -}}
{{- $pairs = append $pairs (include "lbc.csv" (printf "%s=%s" $key (include "lbc.text" $value))) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- else if kindIs "slice" . -}}
{{- join "," . -}}
{{- else if or (kindIs "float64" .) (kindIs "int64" .) (kindIs "int" .) -}}
{{- int64 . -}}
{{- else if not (kindIs "invalid" .) -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* A field that holds a comma or a quotation mark stands in quotation marks. */}}
{{- define "lbc.csv" -}}
{{- if regexMatch "[\",]" . -}}
{{- printf "\"%s\"" (replace "\"" "\"\"" .) -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}
