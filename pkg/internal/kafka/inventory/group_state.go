package inventory

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// groupState converts the state of a group from the brokers' spelling.
func groupState(written string) proxy.GroupState {
	switch written {
	case "PreparingRebalance":
		return proxy.GroupPreparingRebalance
	case "CompletingRebalance":
		return proxy.GroupCompletingRebalance
	case "Assigning":
		return proxy.GroupAssigning
	case "Reconciling":
		return proxy.GroupReconciling
	case "Stable":
		return proxy.GroupStable
	case "Empty":
		return proxy.GroupEmpty
	case "Dead":
		return proxy.GroupDead
	default:
		return proxy.GroupUnknown
	}
}
