package kafka

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// clusterProperties are what each of several brokers has instead of what a lone one has.
func clusterProperties(peers []*node) map[string]string {
	voters := make([]string, len(peers))
	for i, n := range peers {
		voters[i] = voter(n.id, n.controllerPort)
	}
	all, enough := strconv.Itoa(len(peers)), strconv.Itoa(len(peers)/2+1)
	return map[string]string{
		"controller.quorum.voters":                         strings.Join(voters, ","),
		"offsets.topic.num.partitions":                     all,
		"offsets.topic.replication.factor":                 all,
		"transaction.state.log.num.partitions":             all,
		"transaction.state.log.replication.factor":         all,
		"transaction.state.log.min.isr":                    enough,
		"share.coordinator.state.topic.num.partitions":     all,
		"share.coordinator.state.topic.replication.factor": all,
		"share.coordinator.state.topic.min.isr":            enough,
		"default.replication.factor":                       all,
		"min.insync.replicas":                              enough,
		"num.partitions":                                   all,

		// A machine that is busy with several JVMs must not lose a broker to a late heartbeat.
		"broker.session.timeout.ms": "6000",
	}
}

// chooseClusterPorts takes ports that are free, and no port twice.
func chooseClusterPorts(nodes []*node) (err error) {
	var taken []int
	for _, n := range nodes {
		for _, port := range n.chosenPorts() {
			if *port, err = freePort(taken...); err != nil {
				return err
			}
			taken = append(taken, *port)
		}
	}
	return nil
}

// writeIdentity makes a data folder that was copied from the first broker's the folder of this one.
// The controller takes no two brokers with the same folder id, which is 16 bytes in base64url.
func (n *node) writeIdentity() error {
	var folder [16]byte
	_, _ = rand.Read(folder[:]) // never fails
	folder[0] &= 0x7f           // Kafka takes no id that begins with a dash for a command line's sake
	text := propertiesText(map[string]string{
		"version": "1", "cluster.id": clusterID, "node.id": strconv.Itoa(n.id),
		"directory.id": base64.RawURLEncoding.EncodeToString(folder[:]),
	})
	if err := writeFile(filepath.Join(n.data, "meta.properties"), text); err != nil {
		return fmt.Errorf("writing the identity of broker %d: %w", n.id, err)
	}
	return nil
}
