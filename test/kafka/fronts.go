package kafka

import (
	"fmt"
	"strconv"
)

// Front is told where a broker listens, as host:port, and returns where the broker tells others to connect to. A start that
// has lost a port to somebody else tells it again.
type Front func(broker int32, listens string) (advertised string, err error)

// front is a further listener of a node.
type front struct {
	ask        Front
	name       string // of the listener
	port       int
	advertised string // empty until it was asked for
}

// frontsOf returns the further listeners of a node.
func frontsOf(clients []Front) (all []*front) {
	for i, ask := range clients {
		all = append(all, &front{ask: ask, name: "FRONT" + strconv.Itoa(i)})
	}
	return all
}

// chosenPorts are all ports that a plain node listens on.
func (n *node) chosenPorts() []*int {
	ports := []*int{&n.clientPort, &n.controllerPort}
	for _, f := range n.fronts {
		ports = append(ports, &f.port)
	}
	if n.between {
		ports = append(ports, &n.peersPort)
	}
	return ports
}

// askFronts asks where others come to this node through its fronts.
func (n *node) askFronts() (err error) {
	for _, f := range n.fronts {
		if f.advertised, err = f.ask(int32(n.id), address(f.port)); err != nil {
			return fmt.Errorf("asking for the front %s of broker %d: %w", f.name, n.id, err)
		}
	}
	return nil
}

// addFronts adds the listeners of the fronts to a node's properties.
func (n *node) addFronts(properties map[string]string) {
	for _, f := range n.fronts {
		properties["listeners"] += "," + f.name + "://" + address(f.port)
		properties["advertised.listeners"] += "," + f.name + "://" + f.advertised
		properties["listener.security.protocol.map"] += "," + f.name + ":PLAINTEXT"
	}
}
