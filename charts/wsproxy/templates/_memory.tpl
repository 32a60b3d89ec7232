{{- /* A quantity in Ki, Mi or Gi, in KiB; nothing for other units. */ -}}
{{- define "wsproxy.kibibytes" -}}
{{- if regexMatch "^[0-9]+[KMG]i$" . }}
{{- $number := int64 (regexFind "^[0-9]+" .) }}
{{- mul $number (get (dict "Ki" 1 "Mi" 1024 "Gi" 1048576) (regexFind "[KMG]i$" .)) }}
{{- end }}
{{- end }}

{{- /* The memory limit of a pool in MiB; nothing where there is none, or one in other units. */ -}}
{{- define "wsproxy.memoryLimit" -}}
{{- with include "wsproxy.kibibytes" (((.values.resources | default dict).limits | default dict).memory | toString) }}
{{- div (int64 .) 1024 }}
{{- end }}
{{- end }}

{{- /* Nine tenths of the memory limit, in MiB: the rest is for what the Go runtime does not count. */ -}}
{{- define "wsproxy.goMemoryLimit" -}}
{{- with include "wsproxy.memoryLimit" . }}
{{- div (mul (int64 .) 9) 10 }}
{{- end }}
{{- end }}

{{- /* The MiB of a size as settings have it: a number of bytes, or one with a unit. */ -}}
{{- define "wsproxy.mebibytes" -}}
{{- $text := include "wsproxy.text" . }}
{{- $bytes := get (dict "" 1 "B" 1 "kB" 1000 "MB" 1000000 "GB" 1000000000 "KiB" 1024 "MiB" 1048576 "GiB" 1073741824) (regexFind "[A-Za-z]+$" $text) | default 0 }}
{{- div (add (mul (int64 (regexFind "^[0-9]+" $text)) $bytes) 1048575) 1048576 }}
{{- end }}

{{- /* Whether the memory of a pool is shared out, which needs a limit in Mi or Gi. */ -}}
{{- define "wsproxy.sharesMemory" -}}
{{- and .values.memory.derive (ne (include "wsproxy.memoryLimit" .) "") }}
{{- end }}

{{- /*
How a pool's memory limit is shared out, as settings in YAML: three tenths for records on their way, up to 64 MiB of which are
frames that live readers share, three twentieths for snapshots, 40 MiB for the process itself, and connections with what is
left of nine tenths. What config sets is taken as it is, and leaves more or less for connections.
*/ -}}
{{- define "wsproxy.memoryShares" -}}
{{- if eq (include "wsproxy.sharesMemory" .) "true" }}
{{- $limit := int64 (include "wsproxy.memoryLimit" .) }}
{{- $config := .values.config }}
{{- $budget := printf "%dMiB" (div (mul $limit 3) 10) }}
{{- $frames := printf "%dMiB" (min 64 (max 1 (div $limit 12))) }}
{{- $snapshots := printf "%dMiB" (min 256 (max 1 (div (mul $limit 3) 20))) }}
{{- $taken := add 40 (int64 (include "wsproxy.mebibytes" ($config.MEMORY_BUDGET | default $budget))) (int64 (include "wsproxy.mebibytes" ($config.TAIL_SNAPSHOT_BYTES | default $snapshots))) }}
{{- $left := mul (sub (int64 (include "wsproxy.goMemoryLimit" .)) $taken) 1024 }}
MEMORY_BUDGET: {{ $budget | quote }}
TAIL_BUFFER_BYTES: {{ $frames | quote }}
TAIL_SNAPSHOT_BYTES: {{ $snapshots | quote }}
MAX_CONNECTIONS: {{ div $left (int64 (include "wsproxy.kibibytes" (.values.memory.perConnection | default "256Ki"))) | toString | quote }}
{{- end }}
{{- end }}

{{- /* The shares, as they are in the end, fit into the memory limit together. */ -}}
{{- define "wsproxy.validateMemory" -}}
{{- if eq (include "wsproxy.sharesMemory" .) "true" }}
{{- $shares := include "wsproxy.memoryShares" . | fromYaml }}
{{- $config := .values.config }}
{{- $most := int64 (include "wsproxy.text" ($config.MAX_CONNECTIONS | default (get $shares "MAX_CONNECTIONS"))) }}
{{- if and (le $most 0) (not $config.MAX_CONNECTIONS) (not (hasKey $config "MAX_CONNECTIONS")) }}
{{- fail (printf "resources.limits.memory of pool %s leaves nothing for connections: raise it, lower config.MEMORY_BUDGET or config.TAIL_SNAPSHOT_BYTES, or set memory.derive to false" .name) }}
{{- end }}
{{- $budget := int64 (include "wsproxy.mebibytes" ($config.MEMORY_BUDGET | default (get $shares "MEMORY_BUDGET"))) }}
{{- $snapshots := int64 (include "wsproxy.mebibytes" ($config.TAIL_SNAPSHOT_BYTES | default (get $shares "TAIL_SNAPSHOT_BYTES"))) }}
{{- $connections := div (mul $most (int64 (include "wsproxy.kibibytes" (.values.memory.perConnection | default "256Ki")))) 1024 }}
{{- $needed := add 40 $budget $snapshots $connections }}
{{- $has := int64 (include "wsproxy.goMemoryLimit" .) }}
{{- if gt $needed $has }}
{{- fail (printf "memory of pool %s: 40 MiB for the process, %d of MEMORY_BUDGET, %d of TAIL_SNAPSHOT_BYTES and %d for MAX_CONNECTIONS of %d are %d MiB, and nine tenths of resources.limits.memory are %d" .name $budget $snapshots $connections $most $needed $has) }}
{{- end }}
{{- $scaling := .values.autoscaling }}
{{- if and (ne $scaling.mode "none") $scaling.connections (gt $most 0) (ge (int64 $scaling.connections) $most) }}
{{- fail (printf "autoscaling of pool %s: connections is %d, which pods with MAX_CONNECTIONS of %d never exceed" .name (int64 $scaling.connections) $most) }}
{{- end }}
{{- end }}
{{- end }}
