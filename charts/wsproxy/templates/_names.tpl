{{- define "wsproxy.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Cut such that a pool's name and a suffix still fit. */ -}}
{{- define "wsproxy.fullname" -}}
{{- $name := include "wsproxy.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "wsproxy.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "wsproxy.selectorLabels" -}}
app.kubernetes.io/name: {{ include "wsproxy.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "wsproxy.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "wsproxy.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Metadata of an object: root, name, and optionally component, pool, labels, annotations. */ -}}
{{- define "wsproxy.metadata" -}}
name: {{ .name }}
namespace: {{ include "wsproxy.namespace" .root }}
labels:
  {{- include "wsproxy.labels" .root | nindent 2 }}
  {{- with .component }}
  app.kubernetes.io/component: {{ . }}
  {{- end }}
  {{- with .pool }}
  wsproxy/pool: {{ . }}
  {{- end }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := dict }}
{{- range list .root.Values.commonAnnotations .annotations }}
{{- range $key, $value := . }}
{{- $_ := set $annotations $key $value }}
{{- end }}
{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "wsproxy.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "wsproxy.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "wsproxy.image" -}}
{{- $repository := .Values.image.repository }}
{{- with (.Values.global | default dict).imageRegistry }}
{{- $path := regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "" }}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) $path }}
{{- end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "wsproxy.tlsSecretName" -}}
{{- .Values.tls.secretName | default (printf "%s-tls" (include "wsproxy.fullname" .)) }}
{{- end }}

{{- define "wsproxy.managementScheme" -}}
{{- if and .Values.tls.enabled .Values.tls.management }}https{{ else }}http{{ end }}
{{- end }}

{{- /*
Whether the services have the plain port. One that is reached from outside the cluster has it beside the TLS port
only where service.plain asks for that: passwords and tokens would be taken there.
*/ -}}
{{- define "wsproxy.servesPlain" -}}
{{- $v := .Values }}
{{- if not $v.tls.enabled }}true
{{- else if $v.tls.only }}false
{{- else }}{{ or $v.service.plain (eq $v.service.type "ClusterIP") }}
{{- end }}
{{- end }}

{{- /* The port that an ingress speaks to: plain, unless there is none. */ -}}
{{- define "wsproxy.backendPort" -}}
{{- if eq (include "wsproxy.servesPlain" .) "true" }}http{{ else }}https{{ end }}
{{- end }}

{{- define "wsproxy.backendPortNumber" -}}
{{- if eq (include "wsproxy.backendPort" .) "https" }}{{ .Values.service.tlsPort }}{{ else }}{{ .Values.service.port }}{{ end }}
{{- end }}

{{- define "wsproxy.bootstrapHosts" -}}
{{- if .Values.devBroker.enabled }}
{{- include "wsproxy.hostBeforePort" (include "wsproxy.devBrokerHost" .) }}:9092
{{- else }}
{{- .Values.kafka.bootstrapHosts }}
{{- end }}
{{- end }}

{{- /* A host as it is written before a port: an address of IPv6 has brackets (RFC 3986, section 3.2.2). */ -}}
{{- define "wsproxy.hostBeforePort" -}}
{{- if contains ":" . }}[{{ . }}]{{ else }}{{ . }}{{ end }}
{{- end }}

{{- /* The families of addresses that a service has. */ -}}
{{- define "wsproxy.ipFamilies" -}}
{{- with .Values.service.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .Values.service.ipFamilies }}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "wsproxy.devBrokerHost" -}}
{{- .Values.devBroker.clusterIP | default (printf "%s-dev-broker" (include "wsproxy.fullname" .)) }}
{{- end }}
