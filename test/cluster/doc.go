// Package cluster tests the chart end to end on any Kubernetes that kubectl and helm reach: it
// installs three replicas, and has the checker of test/faults judge what clients saw while pods
// were replaced, killed and scaled, and while Kafka was away. Build tag cluster; `make
// test-cluster` runs it:
//
//	make test-cluster KUBECONFIG=$HOME/.kube/config IMAGE=registry.example.org/wsproxy:dev
//
// IMAGE must be one that the cluster can pull or has. Clients come in through the ports of a node,
// which must be reachable from here. The namespace wsproxy-test is the test's own, and goes at the
// end. The environment can say more; what it does not say is left out, with a word:
//
//	KUBECTL, HELM            the commands, with their leading arguments
//	CLUSTER_HOST             a host where the nodes' ports are reached, if not the first node's address
//	CLUSTER_READY            longest that three replicas may take from `helm install`, such as 30s
//	CLUSTER_BROKER_IP        a free service address, for a cluster without DNS
//	CLUSTER_SERVICE_IP       another one, by which helm test reaches the proxy there
//	CLUSTER_KAFKA            bootstrap addresses that pods and this test reach: a Kafka instead of the
//	                         broker for trials, whose log is read and judged too
//	CLUSTER_KAFKA_STOP       a command that takes that Kafka away, without losing what it has acknowledged
//	CLUSTER_KAFKA_START      a command that brings it back
//	CLUSTER_KAFKA_SASL       addresses of the same Kafka where it asks for SCRAM-SHA-512 without TLS: its user's password is changed
//	CLUSTER_OLDER_IMAGE      repository:tag of an older version, from which is upgraded, and to which is gone back
//	CLUSTER_INGRESS_CLASS    class of an ingress controller
//	CLUSTER_INGRESS_ADDRESS  host:port where it serves TLS
//	CLUSTER_KILL             a command that ends the proxy in a pod with SIGKILL, given the pod's name
//	CLUSTER_OUTAGE           how long Kafka is away, 60s by default
//
// The broker for trials is taken away by scaling it to 0, and forgets everything: then nothing is
// judged but probes, closes and whether it goes on. A pool is scaled where the cluster has metrics of
// pods (metrics-server), and `helm test` run where it has DNS, or an address for it. KEDA's parts, among them
// the example of two pools as it is in deploy/examples, run where the cluster has KEDA; both families of
// addresses where its first node has one of each.
package cluster
