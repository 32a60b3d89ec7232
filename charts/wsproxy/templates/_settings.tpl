{{- /* The text of a setting: lists get commas, and large numbers no exponent. */ -}}
{{- define "wsproxy.text" -}}
{{- if kindIs "slice" . }}
{{- join "," . }}
{{- else if and (kindIs "float64" .) (eq (floor .) .) }}
{{- int64 . }}
{{- else }}
{{- . }}
{{- end }}
{{- end }}

{{- /* The milliseconds of a Go duration, such as 1m30s. */ -}}
{{- define "wsproxy.milliseconds" -}}
{{- $start := toDate "2006-01-02" "2000-01-01" }}
{{- sub (mustDateModify . $start).UnixMilli $start.UnixMilli }}
{{- end }}

{{- /* Drain delay, grace and 5 seconds: what a pod may take to end, in whole seconds. */ -}}
{{- define "wsproxy.terminationGrace" -}}
{{- $delay := include "wsproxy.milliseconds" (toString (.values.config.DRAIN_DELAY | default "5s")) }}
{{- $grace := include "wsproxy.milliseconds" (toString (.values.config.SHUTDOWN_GRACE | default "25s")) }}
{{- add (div (add $delay $grace 999) 1000) 5 }}
{{- end }}

{{- /* The settings of a pool that are no secrets, as a map in YAML. */ -}}
{{- define "wsproxy.settings" -}}
{{- $values := .root.Values }}
{{- $settings := dict "PORT" "8078" "ADMIN_PORT" "9078" "KAFKA_BOOTSTRAP_HOSTS" (include "wsproxy.bootstrapHosts" .root) }}
{{- $kafka := $values.kafka }}
{{- if ne $kafka.securityProtocol "PLAINTEXT" }}
{{- $_ := set $settings "KAFKA_SECURITY_PROTOCOL" $kafka.securityProtocol }}
{{- end }}
{{- with $kafka.sasl.mechanism }}
{{- $_ := set $settings "KAFKA_SASL_MECHANISM" . }}
{{- end }}
{{- with $kafka.sasl.oauth.tokenUrl }}
{{- $_ := set $settings "KAFKA_SASL_OAUTH_TOKEN_URL" . }}
{{- end }}
{{- with $kafka.sasl.oauth.scope }}
{{- $_ := set $settings "KAFKA_SASL_OAUTH_SCOPE" . }}
{{- end }}
{{- if or $kafka.tls.caSecret $kafka.tls.caConfigMap }}
{{- $_ := set $settings "KAFKA_SSL_CA_FILE" (printf "/etc/wsproxy/kafka-ca/%s" $kafka.tls.caKey) }}
{{- end }}
{{- if $kafka.tls.clientCertSecret }}
{{- $_ := set $settings "KAFKA_SSL_CERT_FILE" (printf "/etc/wsproxy/kafka-cert/%s" $kafka.tls.clientCertKey) }}
{{- $_ := set $settings "KAFKA_SSL_KEY_FILE" (printf "/etc/wsproxy/kafka-cert/%s" $kafka.tls.clientKeyKey) }}
{{- end }}
{{- with $kafka.tls.serverName }}
{{- $_ := set $settings "KAFKA_SSL_SERVER_NAME" . }}
{{- end }}
{{- if $values.tls.enabled }}
{{- $_ := set $settings "SSL_ENABLED" "true" }}
{{- $_ := set $settings "SSL_PORT" "8443" }}
{{- $_ := set $settings "SSL_CERT_FILE" "/etc/wsproxy/tls/tls.crt" }}
{{- $_ := set $settings "SSL_KEY_FILE" "/etc/wsproxy/tls/tls.key" }}
{{- $_ := set $settings "SSL_ONLY" (toString $values.tls.only) }}
{{- $_ := set $settings "ADMIN_SSL_ENABLED" (toString $values.tls.management) }}
{{- if $values.tls.clientCa.secretName }}
{{- $_ := set $settings "SSL_CLIENT_CA_FILE" (printf "/etc/wsproxy/client-ca/%s" $values.tls.clientCa.key) }}
{{- end }}
{{- end }}
{{- if $values.auth.basic.enabled }}
{{- $_ := set $settings "BASIC_AUTH_ENABLED" "true" }}
{{- with $values.auth.basic.htpasswdKey }}
{{- $_ := set $settings "BASIC_AUTH_HTPASSWD_FILE" (printf "/etc/wsproxy/htpasswd/%s" .) }}
{{- end }}
{{- end }}
{{- if $values.auth.openid.enabled }}
{{- $_ := set $settings "OPENID_ENABLED" "true" }}
{{- $_ := set $settings "OPENID_WELLKNOWN" $values.auth.openid.wellKnown }}
{{- with $values.auth.openid.audience }}
{{- $_ := set $settings "OPENID_AUDIENCE" . }}
{{- end }}
{{- end }}
{{- if or $values.policy.rules $values.policy.existingConfigMap }}
{{- $_ := set $settings "AUTHZ_POLICY_FILE" "/etc/wsproxy/policy/policy.yaml" }}
{{- end }}
{{- if or $values.clientLimits.limits $values.clientLimits.existingConfigMap }}
{{- $_ := set $settings "CLIENT_LIMITS_FILE" "/etc/wsproxy/limits/limits.yaml" }}
{{- end }}
{{- with .pathPrefix }}
{{- $_ := set $settings "PATH_PREFIX" . }}
{{- end }}
{{- if $values.devBroker.enabled }}
{{- $_ := set $settings "SESSION_STATE_REPLICATION_FACTOR" "1" }}
{{- $_ := set $settings "DYNAMIC_CONFIG_REPLICATION_FACTOR" "1" }}
{{- end }}
{{- range $name, $value := include "wsproxy.memoryShares" . | fromYaml }}
{{- $_ := set $settings $name $value }}
{{- end }}
{{- range $name, $value := .values.config }}
{{- if not (kindIs "invalid" $value) }}
{{- $_ := set $settings $name (include "wsproxy.text" $value) }}
{{- end }}
{{- end }}
{{- with .groups }}
{{- $_ := set $settings "ALLOWED_GROUPS" (join "," .) }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{- /* The settings that come from Secrets, as name: [Secret, key] in YAML. */ -}}
{{- define "wsproxy.secrets" -}}
{{- $secrets := dict }}
{{- $sasl := .Values.kafka.sasl }}
{{- if $sasl.existingSecret }}
{{- if eq $sasl.mechanism "OAUTHBEARER" }}
{{- $_ := set $secrets "KAFKA_SASL_OAUTH_CLIENT_ID" (list $sasl.existingSecret $sasl.oauth.clientIdKey) }}
{{- $_ := set $secrets "KAFKA_SASL_OAUTH_CLIENT_SECRET" (list $sasl.existingSecret $sasl.oauth.clientSecretKey) }}
{{- else }}
{{- $_ := set $secrets "KAFKA_SASL_USERNAME" (list $sasl.existingSecret $sasl.usernameKey) }}
{{- $_ := set $secrets "KAFKA_SASL_PASSWORD" (list $sasl.existingSecret $sasl.passwordKey) }}
{{- end }}
{{- end }}
{{- $basic := .Values.auth.basic }}
{{- if and $basic.enabled (not $basic.htpasswdKey) }}
{{- $_ := set $secrets "BASIC_AUTH_USERNAME" (list $basic.existingSecret $basic.usernameKey) }}
{{- $_ := set $secrets "BASIC_AUTH_PASSWORD" (list $basic.existingSecret $basic.passwordKey) }}
{{- end }}
{{- $admin := .Values.auth.admin }}
{{- if $admin.existingSecret }}
{{- $_ := set $secrets "ADMIN_BASIC_AUTH_USERNAME" (list $admin.existingSecret $admin.usernameKey) }}
{{- $_ := set $secrets "ADMIN_BASIC_AUTH_PASSWORD" (list $admin.existingSecret $admin.passwordKey) }}
{{- end }}
{{- toYaml $secrets }}
{{- end }}

{{- /*
What is mounted, as name: volume source in YAML, each at /etc/wsproxy/name. Whole volumes, since
Kubernetes never updates a subPath and the proxy rereads its files.
*/ -}}
{{- define "wsproxy.volumes" -}}
{{- $volumes := dict }}
{{- $fullname := include "wsproxy.fullname" . }}
{{- with .Values.kafka.tls }}
{{- if .caSecret }}
{{- $_ := set $volumes "kafka-ca" (dict "secret" (dict "secretName" .caSecret)) }}
{{- else if .caConfigMap }}
{{- $_ := set $volumes "kafka-ca" (dict "configMap" (dict "name" .caConfigMap)) }}
{{- end }}
{{- if .clientCertSecret }}
{{- $_ := set $volumes "kafka-cert" (dict "secret" (dict "secretName" .clientCertSecret)) }}
{{- end }}
{{- end }}
{{- if .Values.tls.enabled }}
{{- $_ := set $volumes "tls" (dict "secret" (dict "secretName" (include "wsproxy.tlsSecretName" .))) }}
{{- with .Values.tls.clientCa.secretName }}
{{- $_ := set $volumes "client-ca" (dict "secret" (dict "secretName" .)) }}
{{- end }}
{{- end }}
{{- with .Values.auth.basic }}
{{- if and .enabled .htpasswdKey }}
{{- $_ := set $volumes "htpasswd" (dict "secret" (dict "secretName" .existingSecret)) }}
{{- end }}
{{- end }}
{{- with .Values.policy }}
{{- if or .rules .existingConfigMap }}
{{- $_ := set $volumes "policy" (dict "configMap" (dict "name" (.existingConfigMap | default (printf "%s-policy" $fullname)))) }}
{{- end }}
{{- end }}
{{- with .Values.clientLimits }}
{{- if or .limits .existingConfigMap }}
{{- $_ := set $volumes "limits" (dict "configMap" (dict "name" (.existingConfigMap | default (printf "%s-limits" $fullname)))) }}
{{- end }}
{{- end }}
{{- toYaml $volumes }}
{{- end }}
