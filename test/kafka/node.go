package kafka

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	readyPollInterval = 20 * time.Millisecond
	readyWords        = "Kafka Server started"
	bindFailureWords  = "Address already in use"
)

// node is a broker's place: its ports, folders and settings. It outlives the processes
// that run in it.
type node struct {
	inst           *installation
	id             int
	clientPort     int
	controllerPort int
	dir            string // its log and configuration
	data           string // its records
	heap           int    // MiB
	properties     map[string]string
	log            io.Writer
	security       *security // nil for a plain broker
	fronts         []*front  // further listeners
	between        bool      // whether it comes to its peers through something else
	peersPort      int       // where its peers come in that case
	peers          []*node   // all nodes of its cluster, itself included; nil for a lone broker
}

func (n *node) addr() string       { return address(n.clientPort) }
func (n *node) logPath() string    { return filepath.Join(n.dir, "broker.log") }
func (n *node) configPath() string { return filepath.Join(n.dir, "server.properties") }

// writeConfig writes the node's server.properties.
func (n *node) writeConfig() error {
	properties := plainProperties(n.id, n.clientPort, n.controllerPort, n.data)
	if n.peers != nil {
		maps.Copy(properties, clusterProperties(n.peers))
	}
	n.addFronts(properties)
	n.addPeers(properties)
	if n.security != nil {
		maps.Copy(properties, n.security.properties(n.clientPort, n.controllerPort))
	}
	maps.Copy(properties, n.properties)
	return writeFile(n.configPath(), propertiesText(properties))
}

// launch starts a broker process and waits until it serves.
func (n *node) launch(ctx context.Context, flag string) (*process, error) {
	ports := n.security.ports()
	for _, port := range n.chosenPorts() {
		ports = append(ports, *port)
	}
	for _, port := range ports {
		if err := checkFree(port); err != nil {
			return nil, err
		}
	}
	log, offset, err := n.openLog()
	if err != nil {
		return nil, err
	}
	p, err := startProcess(n.command(log, flag), log)
	if err != nil {
		return nil, fmt.Errorf("starting Java: %w", err)
	}
	if err := n.awaitReady(ctx, p, offset); err != nil {
		if p.running() {
			_ = p.kill() // the reason that counts is err
		}
		return nil, n.explain(err, offset)
	}
	return p, nil
}

// openLog opens the log to append to, and says where the new part begins.
func (n *node) openLog() (*os.File, int64, error) {
	log, err := os.OpenFile(n.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, 0, fmt.Errorf("opening the broker's log: %w", err)
	}
	info, err := log.Stat()
	if err != nil {
		log.Close()
		return nil, 0, fmt.Errorf("opening the broker's log: %w", err)
	}
	return log, info.Size(), nil
}

func (n *node) command(log io.Writer, flag string) *exec.Cmd {
	cmd := exec.Command(n.inst.java.path,
		n.inst.arguments(n.heap, append(append(n.security.flags(), n.peersFlags()...), flag), "kafka.Kafka", n.configPath())...)
	cmd.Dir = n.dir // a crashing JVM leaves its report there
	if n.log != nil {
		log = io.MultiWriter(log, n.log)
	}
	cmd.Stdout, cmd.Stderr = log, log
	return cmd
}

// awaitReady returns when the broker has said that it started and answers.
func (n *node) awaitReady(ctx context.Context, p *process, offset int64) error {
	for {
		if n.answers(ctx) && contains(n.logPath(), offset, readyWords) {
			return nil
		}
		if !p.running() {
			return fmt.Errorf("the broker ended while starting: %v", p.cmd.ProcessState)
		}
		if err := pause(ctx, readyPollInterval); err != nil {
			return fmt.Errorf("waiting for the broker: %w", err)
		}
	}
}

// answers tells whether a plain broker counts itself among the cluster's brokers, which a
// secure one tells nobody, but its versions.
func (n *node) answers(ctx context.Context) bool {
	if n.security != nil {
		return askVersions(ctx, address(n.security.plaintextPort)) == nil
	}
	brokers, err := countBrokers(ctx, n.addr())
	return err == nil && brokers > 0
}

// explain adds the end of the broker's log to an error.
func (n *node) explain(err error, offset int64) error {
	text, readErr := readFrom(n.logPath(), offset)
	if readErr != nil {
		return fmt.Errorf("%w (and its log: %w)", err, readErr)
	}
	if strings.Contains(string(text), bindFailureWords) {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return fmt.Errorf("%w\n%s", err, tail(string(text)))
}
