{{- /* What the schema cannot tell: values that need or exclude each other. */ -}}
{{- define "wsproxy.validate" -}}
{{- $v := .Values }}
{{- if and (not $v.kafka.bootstrapHosts) (not $v.devBroker.enabled) }}
{{- fail "kafka.bootstrapHosts is required: host:port, or several with commas between (or devBroker.enabled, for a trial)" }}
{{- end }}
{{- if and $v.kafka.bootstrapHosts $v.devBroker.enabled }}
{{- fail "kafka.bootstrapHosts and devBroker.enabled exclude each other" }}
{{- end }}
{{- if and (hasPrefix "SASL_" $v.kafka.securityProtocol) (not $v.kafka.sasl.mechanism) }}
{{- fail (printf "kafka.sasl.mechanism is required with %s" $v.kafka.securityProtocol) }}
{{- end }}
{{- if and $v.kafka.sasl.mechanism (not (hasPrefix "SASL_" $v.kafka.securityProtocol)) }}
{{- fail "kafka.sasl.mechanism needs SASL_PLAINTEXT or SASL_SSL in kafka.securityProtocol" }}
{{- end }}
{{- $sasl := $v.kafka.sasl }}
{{- $elsewhere := or $v.extraEnv $v.extraEnvFrom }}
{{- $token := and (eq $sasl.mechanism "OAUTHBEARER") $v.config.KAFKA_SASL_OAUTH_TOKEN_FILE }}
{{- if and $sasl.mechanism (not $sasl.existingSecret) (not $token) (not $elsewhere) }}
{{- fail "kafka.sasl.mechanism is set without kafka.sasl.existingSecret: the proxy needs credentials of its own, also where each client brings some" }}
{{- end }}
{{- if and $sasl.existingSecret (not $sasl.mechanism) }}
{{- fail "kafka.sasl.existingSecret is set without kafka.sasl.mechanism" }}
{{- end }}
{{- if and (or $sasl.oauth.tokenUrl $sasl.oauth.scope) (ne $sasl.mechanism "OAUTHBEARER") }}
{{- fail "kafka.sasl.oauth is set without kafka.sasl.mechanism OAUTHBEARER" }}
{{- end }}
{{- if and $v.kafka.tls.caSecret $v.kafka.tls.caConfigMap }}
{{- fail "kafka.tls.caSecret and kafka.tls.caConfigMap exclude each other" }}
{{- end }}
{{- if and $v.tls.enabled (not $v.tls.secretName) (not $v.tls.certManager.enabled) }}
{{- fail "tls.enabled needs tls.secretName or tls.certManager.enabled" }}
{{- end }}
{{- if and $v.tls.certManager.enabled (not $v.tls.certManager.issuerRef.name) }}
{{- fail "tls.certManager.issuerRef.name is required" }}
{{- end }}
{{- if and (not $v.tls.enabled) (or $v.tls.only $v.tls.certManager.enabled) }}
{{- fail "tls.only and tls.certManager.enabled need tls.enabled" }}
{{- end }}
{{- range $name, $value := dict "tls.secretName" $v.tls.secretName "tls.clientCa.secretName" $v.tls.clientCa.secretName }}
{{- if and $value (not $v.tls.enabled) }}
{{- fail (printf "%s is set without tls.enabled" $name) }}
{{- end }}
{{- end }}
{{- if and $v.auth.basic.existingSecret (not $v.auth.basic.enabled) }}
{{- fail "auth.basic.existingSecret is set without auth.basic.enabled" }}
{{- end }}
{{- if and (or $v.auth.openid.wellKnown $v.auth.openid.audience) (not $v.auth.openid.enabled) }}
{{- fail "auth.openid.wellKnown or auth.openid.audience is set without auth.openid.enabled" }}
{{- end }}
{{- include "wsproxy.validateAdmin" . }}
{{- if and $v.auth.basic.enabled (not $v.auth.basic.existingSecret) }}
{{- fail "auth.basic.existingSecret is required with auth.basic.enabled" }}
{{- end }}
{{- if and $v.auth.openid.enabled (not $v.auth.openid.wellKnown) }}
{{- fail "auth.openid.wellKnown is required with auth.openid.enabled" }}
{{- end }}
{{- if and $v.policy.rules $v.policy.existingConfigMap }}
{{- fail "policy.rules and policy.existingConfigMap exclude each other" }}
{{- end }}
{{- if and (or $v.policy.rules $v.policy.existingConfigMap) (ne (include "wsproxy.authenticates" .) "true") (ne (toString $v.config.KAFKA_CLIENT_AUTH_REQUIRED) "true") (not $v.config.FORWARDED_CLIENT_CERT) (not $elsewhere) }}
{{- fail "policy is set without a way to authenticate: auth.basic.enabled, auth.openid.enabled, tls.clientCa.secretName, config.FORWARDED_CLIENT_CERT or config.KAFKA_CLIENT_AUTH_REQUIRED" }}
{{- end }}
{{- if and $v.clientLimits.limits $v.clientLimits.existingConfigMap }}
{{- fail "clientLimits.limits and clientLimits.existingConfigMap exclude each other" }}
{{- end }}
{{- range $certificate := $v.ingress.tls.certificates }}
{{- range .hosts }}
{{- if not (has . $v.ingress.hosts) }}
{{- fail (printf "ingress.tls.certificates: %s is for %s, which is not among ingress.hosts" $certificate.secretName .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $v.ingress.tls.certificates (not $v.ingress.tls.enabled) }}
{{- fail "ingress.tls.certificates is set without ingress.tls.enabled" }}
{{- end }}
{{- if and (or $v.service.nodePort $v.service.tlsNodePort) (eq $v.service.type "ClusterIP") }}
{{- fail "service.nodePort and service.tlsNodePort need service.type NodePort or LoadBalancer" }}
{{- end }}
{{- if and (eq (len ($v.service.ipFamilies | default list)) 2) (not (hasSuffix "DualStack" $v.service.ipFamilyPolicy)) }}
{{- fail "two service.ipFamilies need service.ipFamilyPolicy PreferDualStack or RequireDualStack" }}
{{- end }}
{{- if and $v.config.KAFKA_RACK $v.kafka.rack.fromNode }}
{{- fail "config.KAFKA_RACK and kafka.rack.fromNode exclude each other" }}
{{- end }}
{{- if and (or $v.ingress.enabled $v.httpRoute.enabled) $v.config.MAX_CONNECTIONS_PER_ADDRESS (not $v.config.TRUSTED_PROXIES) (not $elsewhere) }}
{{- fail "config.MAX_CONNECTIONS_PER_ADDRESS behind an ingress or a gateway needs config.TRUSTED_PROXIES: else all clients have its address" }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) }}
{{- fail "ingress.hosts is required with ingress.enabled" }}
{{- end }}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) }}
{{- fail "httpRoute.parentRefs is required with httpRoute.enabled" }}
{{- end }}
{{- if and $v.metrics.serviceMonitor.enabled $v.metrics.podMonitor.enabled }}
{{- fail "metrics.serviceMonitor and metrics.podMonitor would scrape every pod twice: enable one" }}
{{- end }}
{{- $records := or $v.tests.topic $v.devBroker.enabled }}
{{- if and $v.tests.existingSecret (not $records) }}
{{- fail "tests.existingSecret is set without tests.topic" }}
{{- end }}
{{- $paths := dict }}
{{- range $name := include "wsproxy.poolNames" . | splitList "," }}
{{- $pool := dict "root" $ "name" $name }}
{{- include "wsproxy.pool" $pool }}
{{- include "wsproxy.validatePool" $pool }}
{{- if hasKey $paths $pool.pathPrefix }}
{{- fail (printf "pools %s and %s have the same pathPrefix" $name (get $paths $pool.pathPrefix)) }}
{{- end }}
{{- $_ := set $paths $pool.pathPrefix $name }}
{{- end }}
{{- end }}

{{- /* Whether clients have to authenticate with the proxy. */ -}}
{{- define "wsproxy.authenticates" -}}
{{- or .Values.auth.basic.enabled .Values.auth.openid.enabled (ne .Values.tls.clientCa.secretName "") }}
{{- end }}

{{- /* The admin API has credentials of its own, or a rule, where clients authenticate. */ -}}
{{- define "wsproxy.validateAdmin" -}}
{{- $v := .Values }}
{{- $enabled := eq (toString $v.config.ADMIN_ENDPOINT_ENABLED) "true" }}
{{- if and $v.auth.admin.existingSecret (not $enabled) (ne (toString $v.config.PPROF_ENABLED) "true") (not $v.extraEnv) (not $v.extraEnvFrom) }}
{{- fail "auth.admin.existingSecret is set without config.ADMIN_ENDPOINT_ENABLED or config.PPROF_ENABLED" }}
{{- end }}
{{- $ruled := ne $v.policy.existingConfigMap "" }}
{{- range $v.policy.rules }}
{{- $ruled = or $ruled .admin }}
{{- end }}
{{- if and $enabled (eq (include "wsproxy.authenticates" .) "true") (not $v.auth.admin.existingSecret) (not $ruled) (not $v.extraEnv) (not $v.extraEnvFrom) }}
{{- fail "config.ADMIN_ENDPOINT_ENABLED is set without auth.admin.existingSecret, or a rule of policy with admin: true" }}
{{- end }}
{{- end }}

{{- define "wsproxy.validatePool" -}}
{{- include "wsproxy.validateMemory" . }}
{{- $elsewhere := or .values.extraEnv .root.Values.extraEnvFrom }}
{{- if and .groups .values.config.ALLOWED_GROUPS }}
{{- if hasKey (get (get .root.Values.pools .name) "config" | default dict) "ALLOWED_GROUPS" }}
{{- fail (printf "pools.%s.config.ALLOWED_GROUPS is what groups says" .name) }}
{{- end }}
{{- end }}
{{- $scaling := .values.autoscaling }}
{{- if not $scaling.keda }}
{{- fail "autoscaling.keda is null, and needs its values" }}
{{- end }}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) }}
{{- fail (printf "autoscaling of pool %s: minReplicas is greater than maxReplicas" .name) }}
{{- end }}
{{- if and (eq $scaling.mode "hpa") (not $scaling.cpuUtilization) (not $scaling.connections) (not $scaling.metrics) }}
{{- fail (printf "autoscaling of pool %s: hpa needs cpuUtilization, connections or metrics" .name) }}
{{- end }}
{{- if and (eq $scaling.mode "keda") (not $scaling.cpuUtilization) (not $scaling.connections) (not $scaling.keda.lag) (not $scaling.keda.triggers) }}
{{- fail (printf "autoscaling of pool %s: keda needs cpuUtilization, connections, keda.lag or keda.triggers" .name) }}
{{- end }}
{{- if and (eq $scaling.mode "keda") $scaling.connections (not $scaling.keda.prometheus) }}
{{- fail (printf "autoscaling of pool %s: connections under keda needs keda.prometheus" .name) }}
{{- end }}
{{- with $scaling.keda.fallback }}
{{- if and (eq $scaling.mode "keda") (lt (int .replicas) (int $scaling.minReplicas)) }}
{{- fail (printf "autoscaling of pool %s: keda.fallback.replicas is less than minReplicas" $.name) }}
{{- end }}
{{- if and (eq $scaling.mode "keda") (not $scaling.connections) (not $scaling.keda.lag) (not $scaling.keda.triggers) }}
{{- fail (printf "autoscaling of pool %s: keda.fallback is set without connections, keda.lag or keda.triggers: CPU alone has none" $.name) }}
{{- end }}
{{- end }}
{{- $config := .values.config }}
{{- if and (eq (toString $config.CONSOLE_ENABLED) "true") (ne (toString $config.ADMIN_ENDPOINT_ENABLED) "true") (not $elsewhere) }}
{{- fail (printf "config.CONSOLE_ENABLED needs config.ADMIN_ENDPOINT_ENABLED (pool %s)" .name) }}
{{- end }}
{{- $sasl := .root.Values.kafka.sasl }}
{{- $consumers := false }}
{{- range $scaling.keda.lag }}
{{- $consumers = or $consumers (not .queue) }}
{{- if and (eq $scaling.mode "keda") .queue (not $scaling.keda.prometheus) }}
{{- fail (printf "autoscaling of pool %s: keda.lag of a queue needs keda.prometheus" $.name) }}
{{- end }}
{{- end }}
{{- if and (eq $scaling.mode "keda") $consumers $sasl.mechanism (not $sasl.existingSecret) }}
{{- fail (printf "autoscaling of pool %s: keda.lag needs kafka.sasl.existingSecret, with which KEDA asks Kafka" .name) }}
{{- end }}
{{- end }}
