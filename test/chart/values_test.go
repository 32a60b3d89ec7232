package chart

import (
	"strings"
	"testing"
)

// TestRefusedValues changes one thing of values that are good.
func TestRefusedValues(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		// by the schema
		"unknown value":             {`replicas: 3`, "replicas"},
		"unknown nested value":      {`ingress: {host: x}`, "host"},
		"number as text":            {`replicaCount: "3"`, "replicaCount"},
		"fewer than none":           {`replicaCount: -1`, "replicaCount"},
		"half a replica":            {`replicaCount: 1.5`, "replicaCount"},
		"broker without port":       {`kafka: {bootstrapHosts: kafka}`, "bootstrapHosts"},
		"brokers with spaces":       {`kafka: {bootstrapHosts: "a:1, b:2"}`, "bootstrapHosts"},
		"brokers as list":           {`kafka: {bootstrapHosts: ["a:1"]}`, "bootstrapHosts"},
		"protocol in lower case":    {`kafka: {securityProtocol: ssl}`, "securityProtocol"},
		"mechanism":                 {`kafka: {sasl: {mechanism: GSSAPI}}`, "mechanism"},
		"password in the open":      {`kafka: {sasl: {password: x}}`, "password"},
		"unknown setting":           {`config: {LOGLEVEL: debug}`, "LOGLEVEL"},
		"setting with its prefix":   {`config: {WSPROXY_LOG_LEVEL: debug}`, "WSPROXY_LOG_LEVEL"},
		"setting of the chart":      {`config: {PORT: 80}`, "PORT"},
		"secret as setting":         {`config: {KAFKA_SASL_PASSWORD: x}`, "KAFKA_SASL_PASSWORD"},
		"setting as map":            {`config: {LOG_LEVEL: {a: b}}`, "LOG_LEVEL"},
		"delay without unit":        {`config: {DRAIN_DELAY: 5}`, "DRAIN_DELAY"},
		"delay in days":             {`config: {DRAIN_DELAY: 1d}`, "DRAIN_DELAY"},
		"delay behind the back":     {`extraEnv: [{name: WSPROXY_DRAIN_DELAY, value: 9s}]`, "extraEnv"},
		"pull policy":               {`image: {pullPolicy: Sometimes}`, "pullPolicy"},
		"digest":                    {`image: {digest: latest}`, "digest"},
		"service type":              {`service: {type: ExternalName}`, "service"},
		"port of the service":       {`service: {port: 65536}`, "port"},
		"path without slash":        {`pathPrefix: kafka`, "pathPrefix"},
		"path with slash at end":    {`pathPrefix: /kafka/`, "pathPrefix"},
		"pool without groups":       {`pools: {a: {}}`, "groups"},
		"pool with no group":        {`pools: {a: {groups: []}}`, "groups"},
		"pool in upper case":        {`pools: {A: {groups: [a]}}`, "propertyName"},
		"pool called default":       {`pools: {default: {groups: [a]}}`, "propertyName"},
		"pool called management":    {`pools: {management: {groups: [a]}}`, "propertyName"},
		"unknown value of a pool":   {`pools: {a: {groups: [a], replicas: 1}}`, "replicas"},
		"unknown setting of a pool": {`pools: {a: {groups: [a], config: {X: 1}}}`, "X"},
		"autoscaling mode":          {`autoscaling: {mode: vpa}`, "mode"},
		"scaling to nothing":        {`autoscaling: {minReplicas: 0}`, "minReplicas"},
		"lag without topic":         {`autoscaling: {keda: {lag: [{group: a, threshold: 1}]}}`, "topic"},
		"disruption of none":        {`podDisruptionBudget: {maxUnavailable: 0}`, "maxUnavailable"},
		"unknown member of a rule":  {`policy: {rules: [{write: [a]}]}`, "write"},
		"label as number":           {`podLabels: {a: 1}`, "podLabels"},
		"interval of scrapes":       {`metrics: {serviceMonitor: {interval: often}}`, "interval"},
		"collector without scheme":  {`traces: {endpoint: "collector:4318"}`, "endpoint"},
		"topic without partitions":  {`devBroker: {topics: {a: 0}}`, "topics"},

		// by what values say together
		"no broker":                 {`kafka: {bootstrapHosts: ""}`, "kafka.bootstrapHosts is required"},
		"two brokers":               {`devBroker: {enabled: true}`, "exclude each other"},
		"SASL without mechanism":    {`kafka: {securityProtocol: SASL_SSL}`, "kafka.sasl.mechanism is required"},
		"mechanism without SASL":    {`kafka: {sasl: {mechanism: PLAIN}}`, "kafka.sasl.mechanism needs"},
		"SASL without credentials":  {`kafka: {securityProtocol: SASL_SSL, sasl: {mechanism: SCRAM-SHA-512}}`, "set without kafka.sasl.existingSecret"},
		"credentials without SASL":  {`kafka: {sasl: {existingSecret: x}}`, "set without kafka.sasl.mechanism"},
		"token endpoint for SCRAM":  {`kafka: {securityProtocol: SASL_SSL, sasl: {mechanism: PLAIN, existingSecret: x, oauth: {tokenUrl: "https://x"}}}`, "set without kafka.sasl.mechanism OAUTHBEARER"},
		"client CA without TLS":     {`tls: {clientCa: {secretName: ca}}`, "tls.clientCa.secretName is set without tls.enabled"},
		"certificate without TLS":   {`tls: {secretName: x}`, "tls.secretName is set without tls.enabled"},
		"users without basic":       {`auth: {basic: {existingSecret: x}}`, "set without auth.basic.enabled"},
		"provider without OpenID":   {`auth: {openid: {wellKnown: "https://x"}}`, "set without auth.openid.enabled"},
		"policy for nobody":         {`policy: {rules: [{produce: [a]}]}`, "policy is set without"},
		"administrator for no API":  {`auth: {admin: {existingSecret: x}}`, "set without config.ADMIN_ENDPOINT_ENABLED"},
		"clients as administrators": {"auth: {basic: {enabled: true, existingSecret: x}}\nconfig: {ADMIN_ENDPOINT_ENABLED: true}", "set without auth.admin.existingSecret"},
		"console without admin API": {`config: {CONSOLE_ENABLED: true}`, "config.CONSOLE_ENABLED needs config.ADMIN_ENDPOINT_ENABLED"},
		"console of a pool alone":   {`pools: {a: {groups: [a], config: {CONSOLE_ENABLED: true}}}`, "config.CONSOLE_ENABLED needs"},
		"two CAs":                   {`kafka: {tls: {caSecret: a, caConfigMap: b}}`, "exclude each other"},
		"TLS without certificate":   {`tls: {enabled: true}`, "tls.secretName"},
		"only TLS, without it":      {`tls: {only: true}`, "need tls.enabled"},
		"no issuer":                 {`tls: {enabled: true, certManager: {enabled: true}}`, "issuerRef.name"},
		"basic without secret":      {`auth: {basic: {enabled: true}}`, "auth.basic.existingSecret"},
		"OpenID without URL":        {`auth: {openid: {enabled: true}}`, "auth.openid.wellKnown"},
		"two policies":              {`policy: {rules: [{produce: [a]}], existingConfigMap: b}`, "exclude each other"},
		"two sets of limits":        {`clientLimits: {limits: {consumers: {}}, existingConfigMap: b}`, "exclude each other"},
		"ingress without host":      {`ingress: {enabled: true}`, "ingress.hosts"},
		"route without gateway":     {`httpRoute: {enabled: true}`, "httpRoute.parentRefs"},
		"two monitors":              {`metrics: {serviceMonitor: {enabled: true}, podMonitor: {enabled: true}}`, "twice"},
		"two pools on a path":       {`pools: {a: {groups: [a], pathPrefix: /x}, b: {groups: [b], pathPrefix: /x}}`, "same pathPrefix"},
		"groups said twice":         {`pools: {a: {groups: [a], config: {ALLOWED_GROUPS: b}}}`, "is what groups says"},
		"fewest beyond most":        {`autoscaling: {minReplicas: 5, maxReplicas: 4}`, "minReplicas is greater"},
		"scaling by nothing":        {`autoscaling: {mode: hpa, cpuUtilization: 0}`, "hpa needs"},
		"KEDA by nothing":           {`autoscaling: {mode: keda, cpuUtilization: 0}`, "keda needs"},
		"KEDA without Prometheus":   {`autoscaling: {mode: keda, connections: 10}`, "keda.prometheus"},
		"queue without Prometheus":  {`autoscaling: {mode: keda, keda: {lag: [{group: a, topic: b, threshold: 1, queue: true}]}}`, "keda.lag of a queue needs keda.prometheus"},
		"lag without credentials":   {"kafka: {securityProtocol: SASL_SSL, sasl: {mechanism: PLAIN}}\nextraEnvFrom: [{secretRef: {name: x}}]\nautoscaling: {mode: keda, keda: {lag: [{group: a, topic: b, threshold: 1}]}}", "keda.lag needs kafka.sasl"},
		"certificate of no host":    {`ingress: {enabled: true, hosts: [a], tls: {enabled: true, certificates: [{secretName: b, hosts: [c]}]}}`, "not among ingress.hosts"},
		"certificates without TLS":  {`ingress: {enabled: true, hosts: [a], tls: {certificates: [{secretName: b, hosts: [a]}]}}`, "without ingress.tls.enabled"},
		"node port of no node":      {`service: {nodePort: 30000}`, "service.type NodePort"},
		"two families of one stack": {`service: {ipFamilies: [IPv4, IPv6]}`, "ipFamilyPolicy"},
		"two racks":                 {`kafka: {rack: {fromNode: true}}` + "\nconfig: {KAFKA_RACK: a}", "exclude each other"},
		"one address for all":       {`ingress: {enabled: true, hosts: [a]}` + "\nconfig: {MAX_CONNECTIONS_PER_ADDRESS: 5}", "needs config.TRUSTED_PROXIES"},
		"test of no topic":          {`tests: {existingSecret: a}`, "without tests.topic"},
		"fallback without replicas": {`autoscaling: {mode: keda, keda: {fallback: {failureThreshold: 3}}}`, "fallback"},
		"fallback below the fewest": {`autoscaling: {mode: keda, minReplicas: 6, keda: {triggers: [{type: cron}], fallback: {failureThreshold: 3, replicas: 5}}}`, "less than minReplicas"},
		"fallback of CPU alone":     {`autoscaling: {mode: keda, keda: {fallback: {failureThreshold: 3, replicas: 5}}}`, "CPU alone has none"},
		"pool that scales by none":  {`pools: {a: {groups: [a], autoscaling: {mode: hpa, cpuUtilization: 0}}}`, "pool a"},
	} {
		t.Run(name, func(t *testing.T) {
			text := test.text
			if !strings.HasPrefix(text, "kafka:") {
				text += "\nkafka: {bootstrapHosts: \"kafka:9092\"}"
			} else if !strings.Contains(text, "bootstrapHosts") {
				text = strings.Replace(text, "{", `{bootstrapHosts: "kafka:9092", `, 1)
			}
			_, err := files(t, text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
