package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Between is told of a way from one broker to another, or to its controller: what comes to an address is to be passed on to where that
// listens, each as host:port. A start that has lost a port to somebody else tells all ways again.
type Between func(from, to int32, controller bool, at, listens string) error

// peersListener is the listener that brokers come to from each other, if [ClusterOptions].Between is set.
const peersListener = "PEERS"

// peerName is what brokers call one of them. Each has a file that tells it where that is, so that it comes to each of the others by an address
// of its own, at the port of the listener.
func peerName(id int) string { return "broker" + strconv.Itoa(id) + ".test" }

// wayTo is the address at which a node comes to the host of another.
func (n *node) wayTo(to *node) string {
	if to == n {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.1.%d.%d", n.id, to.id)
}

func (n *node) hostsPath() string { return filepath.Join(n.dir, "hosts") }

// askBetween asks for the ways to all other nodes, and writes where they are.
func (n *node) askBetween(ask Between) error {
	if !n.between {
		return nil
	}
	hosts := []string{"127.0.0.1 localhost"}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, "127.0.0.1 "+name)
	}
	for _, to := range n.peers {
		hosts = append(hosts, n.wayTo(to)+" "+peerName(to.id))
		if to == n {
			continue
		}
		for _, port := range []int{to.peersPort, to.controllerPort} {
			at := n.wayTo(to) + ":" + strconv.Itoa(port)
			if err := ask(int32(n.id), int32(to.id), port == to.controllerPort, at, address(port)); err != nil {
				return fmt.Errorf("asking for the way from broker %d to broker %d: %w", n.id, to.id, err)
			}
		}
	}
	return writeFile(n.hostsPath(), strings.Join(hosts, "\n")+"\n")
}

// peersFlags have Java know its peers by the addresses of their ways alone.
func (n *node) peersFlags() []string {
	if !n.between {
		return nil
	}
	return []string{"-Djdk.net.hosts.file=" + n.hostsPath()}
}

// addPeers adds to a node's properties how others come to it, and it to the controllers.
func (n *node) addPeers(properties map[string]string) {
	if !n.between {
		return
	}
	voters := make([]string, len(n.peers))
	for i, peer := range n.peers {
		voters[i] = fmt.Sprintf("%d@%s:%d", peer.id, peerName(peer.id), peer.controllerPort)
	}
	properties["controller.quorum.voters"] = strings.Join(voters, ",")
	properties["listeners"] += "," + peersListener + "://" + address(n.peersPort)
	properties["advertised.listeners"] += fmt.Sprintf(",%s://%s:%d,CONTROLLER://%s:%d", peersListener, peerName(n.id), n.peersPort, peerName(n.id), n.controllerPort)
	properties["listener.security.protocol.map"] += "," + peersListener + ":PLAINTEXT"
	properties["inter.broker.listener.name"] = peersListener
}
