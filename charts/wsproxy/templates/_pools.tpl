{{- /* The names of the pools, the default one first, with commas between. */ -}}
{{- define "wsproxy.poolNames" -}}
{{- concat (list "default") (keys (.Values.pools | default dict) | sortAlpha) | join "," }}
{{- end }}

{{- /*
Fills in a pool from its name: .values is what applies to it, .config its settings. The caller
makes the dict {root, name} and includes this for its effect; it prints nothing.
*/ -}}
{{- define "wsproxy.pool" -}}
{{- $root := .root }}
{{- $own := dict }}
{{- if ne .name "default" }}
{{- $own = get $root.Values.pools .name }}
{{- end }}
{{- $values := dict }}
{{- range list "replicaCount" "resources" "podAnnotations" "podLabels" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" "extraEnv" }}
{{- $_ := set $values . (ternary (get $own .) (get $root.Values .) (hasKey $own .)) }}
{{- end }}
{{- /* Sprig's merge would not let false, 0 and "" win. */ -}}
{{- range list "config" "autoscaling" "podDisruptionBudget" "memory" }}
{{- $both := dict }}
{{- range list (get $root.Values .) (get $own . | default dict) }}
{{- range $key, $value := . }}
{{- $below := get $both $key }}
{{- if and (kindIs "map" $value) (kindIs "map" $below) }}
{{- $laid := dict }}
{{- range list $below $value }}
{{- range $inner, $innermost := . }}
{{- $_ := set $laid $inner $innermost }}
{{- end }}
{{- end }}
{{- $_ := set $both $key $laid }}
{{- else }}
{{- $_ := set $both $key $value }}
{{- end }}
{{- end }}
{{- end }}
{{- $_ := set $values . $both }}
{{- end }}
{{- $_ := set . "values" $values }}
{{- $_ := set . "groups" (get $own "groups" | default list) }}
{{- $suffix := ternary "" (printf "-%s" .name) (eq .name "default") }}
{{- $_ := set . "fullname" (printf "%s%s" (include "wsproxy.fullname" $root) $suffix) }}
{{- $path := ternary ($root.Values.pathPrefix | default "") (get $own "pathPrefix" | default (printf "/%s" .name)) (eq .name "default") }}
{{- $_ := set . "pathPrefix" $path }}
{{- end }}

{{- define "wsproxy.poolSelectorLabels" -}}
{{ include "wsproxy.selectorLabels" .root }}
app.kubernetes.io/component: proxy
wsproxy/pool: {{ .name }}
{{- end }}

{{- define "wsproxy.poolMetadata" -}}
{{- include "wsproxy.metadata" (dict "root" .root "name" .fullname "component" "proxy" "pool" .name "annotations" .annotations "labels" .labels) }}
{{- end }}

{{- /*
How many replicas a Deployment gets; nothing where that is left to the cluster. Under an autoscaler an upgrade keeps as many as
there are, and no fewer than minReplicas: where Helm once set the number and then leaves it out, Kubernetes falls back to 1. Helm
asks the cluster only where it installs or upgrades: what it merely renders has no number, which would undo the autoscaler's.
*/ -}}
{{- define "wsproxy.replicas" -}}
{{- $scaling := .values.autoscaling }}
{{- if eq $scaling.mode "none" }}
{{- .values.replicaCount }}
{{- else }}
{{- with lookup "apps/v1" "Deployment" (include "wsproxy.namespace" .root) .fullname }}
{{- max (int .spec.replicas) (int $scaling.minReplicas) }}
{{- end }}
{{- end }}
{{- end }}
