// Package chart tests the Helm chart in charts/wsproxy and what is made from it, with Helm's
// own packages and no cluster. It is a module of its own, so that nothing of Helm and
// Kubernetes is among the dependencies of the proxy.
//
// The schemas in testdata are cut down from those of Kubernetes and of the operators whose
// objects the chart makes; each file says where it comes from.
package chart
