package chart

// valuesTakenTogether are values that the chart takes, or heeds, beside others alone: a set of values, and the same with another value.
func valuesTakenTogether() map[string][2]string {
	const (
		ingress = broker + "ingress: {enabled: true, hosts: [a, b], "
		served  = broker + "tls:\n  enabled: true\n  secretName: x\n"
		pool    = broker + "pools: {a: {groups: [a], autoscaling: {"
		keda    = pool + `mode: keda, keda: {prometheus: "http://prometheus", `
	)
	return map[string][2]string{
		"auth.basic.enabled": {
			broker,
			broker + `auth: {basic: {enabled: true, existingSecret: x}}`,
		},
		"auth.openid.enabled": {
			broker,
			broker + `auth: {openid: {enabled: true, wellKnown: "https://id.example.org"}}`,
		},
		"devBroker.enabled": {
			broker,
			`devBroker: {enabled: true}`,
		},
		"ingress.tls.certificates": {
			ingress + `tls: {enabled: true}}`,
			ingress + `tls: {enabled: true, certificates: [{secretName: x, hosts: [a]}]}}`,
		},
		"ingress.tls.certificates.*.hosts": {
			ingress + `tls: {enabled: true, certificates: [{secretName: x, hosts: [a]}]}}`,
			ingress + `tls: {enabled: true, certificates: [{secretName: x, hosts: [b]}]}}`,
		},
		"metrics.podMonitor.tlsConfig": {
			served + `metrics: {podMonitor: {enabled: true}}`,
			served + `metrics: {podMonitor: {enabled: true, tlsConfig: {serverName: x}}}`,
		},
		"pools.*.autoscaling.connections": {
			keda + `lag: [{group: a, topic: b, threshold: 1}]}}}}`,
			keda + `lag: [{group: a, topic: b, threshold: 1}]}, connections: 100}}}`,
		},
		"pools.*.autoscaling.metrics": {
			pool + `mode: hpa}}}`,
			pool + `mode: hpa, metrics: [{type: External}]}}}`,
		},
		"pools.*.autoscaling.keda.fallback.behavior": {
			keda + `triggers: [{type: cron}], fallback: {failureThreshold: 3, replicas: 5}}}}}`,
			keda + `triggers: [{type: cron}], fallback: {failureThreshold: 3, replicas: 5, behavior: currentReplicas}}}}}`,
		},
		"pools.*.autoscaling.keda.fallback.failureThreshold": {
			keda + `triggers: [{type: cron}], fallback: {failureThreshold: 3, replicas: 5}}}}}`,
			keda + `triggers: [{type: cron}], fallback: {failureThreshold: 4, replicas: 5}}}}}`,
		},
		"pools.*.autoscaling.keda.fallback.replicas": {
			keda + `triggers: [{type: cron}], fallback: {failureThreshold: 3, replicas: 5}}}}}`,
			keda + `triggers: [{type: cron}], fallback: {failureThreshold: 3, replicas: 6}}}}}`,
		},
		"pools.*.autoscaling.keda.lag.*.queue": {
			keda + `lag: [{group: a, topic: b, threshold: 1}]}}}}`,
			keda + `lag: [{group: a, topic: b, threshold: 1, queue: true}]}}}}`,
		},
		"pools.*.autoscaling.keda.prometheus": {
			keda + `lag: [{group: a, topic: b, threshold: 1, queue: true}]}}}}`,
			pool + `mode: keda, keda: {prometheus: "http://another", lag: [{group: a, topic: b, threshold: 1, queue: true}]}}}}`,
		},
		"service.plain": {
			served + `service: {type: LoadBalancer}`,
			served + `service: {type: LoadBalancer, plain: true}`,
		},
		"tests.passwordKey": {
			broker + `tests: {topic: a, existingSecret: x}`,
			broker + `tests: {topic: a, existingSecret: x, passwordKey: other}`,
		},
		"tests.usernameKey": {
			broker + `tests: {topic: a, existingSecret: x}`,
			broker + `tests: {topic: a, existingSecret: x, usernameKey: other}`,
		},
		"tls.certManager.enabled": {
			served,
			served + `  certManager: {enabled: true, issuerRef: {name: x}}`,
		},
		"tls.enabled": {
			broker,
			served,
		},
	}
}

// neverTaken are values that the chart always refuses, and why.
func neverTaken() map[string]string {
	return map[string]string{"pools.*.config.ALLOWED_GROUPS": "the schema shares the settings of all pools, and groups says what this one would"}
}
