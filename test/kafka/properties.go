package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// plainProperties is the configuration of a broker that is its own controller and has
// one listener without encryption or login.
func plainProperties(id, clientPort, controllerPort int, dataDir string) map[string]string {
	client, controller := address(clientPort), address(controllerPort)
	properties := map[string]string{
		"node.id":                        strconv.Itoa(id),
		"process.roles":                  "broker,controller",
		"log.dirs":                       dataDir,
		"controller.listener.names":      "CONTROLLER",
		"controller.quorum.voters":       voter(id, controllerPort),
		"listeners":                      "PLAINTEXT://" + client + ",CONTROLLER://" + controller,
		"advertised.listeners":           "PLAINTEXT://" + client,
		"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
	}
	maps.Copy(properties, quickProperties())
	return properties
}

// nodeID is the id of a lone broker, and of the first of a cluster.
const nodeID = 1

// voter is a controller as controller.quorum.voters names it.
func voter(id, controllerPort int) string { return strconv.Itoa(id) + "@" + address(controllerPort) }

// quickProperties keep a lone broker small and quick.
func quickProperties() map[string]string {
	return map[string]string{
		"offsets.topic.num.partitions":                     "1",
		"offsets.topic.replication.factor":                 "1",
		"transaction.state.log.num.partitions":             "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.num.partitions":     "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		"group.share.min.record.lock.duration.ms":          "1000", // which a group's configuration may have
		"default.replication.factor":                       "1",
		"min.insync.replicas":                              "1",
		"num.network.threads":                              "2",
		"num.io.threads":                                   "4",

		// Topics are made by those who need them, so that a mistyped name fails.
		"auto.create.topics.enable": "false",

		// Otherwise the first member of a group waits 3 s for others.
		"group.initial.rebalance.delay.ms": "0",

		// The default takes 128 MiB of heap at the start.
		"log.cleaner.dedupe.buffer.size": "2097152",

		// After a kill the broker's next incarnation waits for this session to expire.
		"broker.session.timeout.ms":    "4000",
		"broker.heartbeat.interval.ms": "1000",
	}
}

// propertiesText writes properties in the format of java.util.Properties, sorted by key.
func propertiesText(properties map[string]string) string {
	key := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, " ", `\ `, "=", `\=`, ":", `\:`, "#", `\#`, "!", `\!`)
	value := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&text, "%s=%s\n", key.Replace(name), value.Replace(properties[name]))
	}
	return text.String()
}
