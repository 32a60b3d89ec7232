// Package cluster tests the chart end to end on any Kubernetes that kubectl and helm reach: it
// installs three replicas with the broker for trials, and has the checker of test/faults judge
// what clients saw while pods were replaced and killed. Build tag cluster; `make test-cluster`
// runs it:
//
//	make test-cluster KUBECONFIG=$HOME/.kube/config IMAGE=registry.example.org/wsproxy:dev
//
// IMAGE must be one that the cluster can pull or has. Clients come in through a NodePort of the
// first node, so that its address must be reachable from here. The environment can say more:
//
//	CLUSTER_BROKER_IP   a free service address, for a cluster without DNS
//	CLUSTER_ADDRESS     host:port of the service, where the node's address is not reachable
//	KUBECTL, HELM       the commands, with their leading arguments
package cluster
