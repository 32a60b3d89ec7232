{{- /* The pod template of a pool. */ -}}
{{- define "wsproxy.pod" -}}
{{- $pool := . }}
{{- $v := .root.Values }}
{{- $volumes := include "wsproxy.volumes" .root | fromYaml }}
metadata:
  labels:
    {{- include "wsproxy.labels" .root | nindent 4 }}
    app.kubernetes.io/component: proxy
    wsproxy/pool: {{ .name }}
    {{- with .values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $annotations := deepCopy (.values.podAnnotations | default dict) }}
  {{- with $v.clientLimits.limits }}
  {{- $_ := set $annotations "checksum/limits" (toYaml . | sha256sum) }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $v.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  serviceAccountName: {{ include "wsproxy.serviceAccountName" .root }}
  automountServiceAccountToken: false
  # Kubernetes would describe a service named wsproxy in WSPROXY_PORT, a setting of the proxy.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "wsproxy.terminationGrace" . }}
  {{- with $v.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: wsproxy
      image: {{ include "wsproxy.image" .root | quote }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      {{- with $v.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- $extra := list }}
      {{- range .values.extraEnv | default list }}
      {{- $extra = append $extra .name }}
      {{- end }}
      env:
        {{- range $name, $value := include "wsproxy.settings" . | fromYaml }}
        {{- if not (has (printf "WSPROXY_%s" $name) $extra) }}
        - name: WSPROXY_{{ $name }}
          value: {{ $value | quote }}
        {{- end }}
        {{- end }}
        {{- range $name, $at := include "wsproxy.secrets" .root | fromYaml }}
        {{- if not (has (printf "WSPROXY_%s" $name) $extra) }}
        - name: WSPROXY_{{ $name }}
          valueFrom:
            secretKeyRef:
              name: {{ index $at 0 }}
              key: {{ index $at 1 }}
        {{- end }}
        {{- end }}
        {{- if and $v.traces.endpoint (not (has "OTEL_EXPORTER_OTLP_ENDPOINT" $extra)) }}
        - name: OTEL_EXPORTER_OTLP_ENDPOINT
          value: {{ $v.traces.endpoint | quote }}
        {{- end }}
        {{- if and $v.kafka.rack.fromNode (not (has "WSPROXY_KAFKA_RACK" $extra)) }}
        # Kubernetes copies the labels of a node's zone and region to its pods, from 1.35 on. Without the label there is no rack.
        - name: WSPROXY_KAFKA_RACK
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['topology.kubernetes.io/zone']
        {{- end }}
        {{- if not (has "GOMEMLIMIT" $extra) }}
        {{- with include "wsproxy.goMemoryLimit" . }}
        - name: GOMEMLIMIT
          value: {{ . }}MiB
        {{- end }}
        {{- end }}
        {{- with .values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $v.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- if not $v.tls.only }}
        - name: http
          containerPort: 8078
        {{- end }}
        {{- if $v.tls.enabled }}
        - name: https
          containerPort: 8443
        {{- end }}
        - name: management
          containerPort: 9078
      livenessProbe:
        httpGet:
          path: /livez
          port: management
          scheme: {{ include "wsproxy.managementScheme" .root | upper }}
        {{- toYaml $v.livenessProbe | nindent 8 }}
      readinessProbe:
        httpGet:
          path: /readyz
          port: management
          scheme: {{ include "wsproxy.managementScheme" .root | upper }}
        {{- toYaml $v.readinessProbe | nindent 8 }}
      {{- with $v.startupProbe }}
      startupProbe:
        httpGet:
          path: /livez
          port: management
          scheme: {{ include "wsproxy.managementScheme" $pool.root | upper }}
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $v.lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if or $volumes $v.extraVolumeMounts }}
      volumeMounts:
        {{- range $name, $source := $volumes }}
        - name: {{ $name }}
          mountPath: /etc/wsproxy/{{ $name }}
          readOnly: true
        {{- end }}
        {{- with $v.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
    {{- with $v.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or $volumes $v.extraVolumes }}
  volumes:
    {{- range $name, $source := $volumes }}
    - name: {{ $name }}
      {{- toYaml $source | nindent 6 }}
    {{- end }}
    {{- with $v.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- with .values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    {{- $constraint := deepCopy . }}
    {{- if not (hasKey $constraint "labelSelector") }}
    {{- $_ := set $constraint "labelSelector" (dict "matchLabels" (include "wsproxy.poolSelectorLabels" $pool | fromYaml)) }}
    {{- end }}
    - {{- toYaml $constraint | nindent 6 }}
    {{- end }}
  {{- end }}
  {{- with .values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- range $field := list "schedulerName" "runtimeClassName" "dnsPolicy" }}
  {{- with get $v $field }}
  {{ $field }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- with $v.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
