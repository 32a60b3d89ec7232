package kafka

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// clusterID is the id of every cluster started here: 16 bytes in base64url.
const clusterID = "d3Nwcm94eS10ZXN0LWthZg"

// installBroker returns what plain brokers run from.
func installBroker(ctx context.Context) (*installation, error) {
	inst, err := install(ctx, brokerBundle(), prepareBroker)
	if err != nil {
		return nil, fmt.Errorf("installing Kafka %s: %w", BrokerVersion, err)
	}
	return inst, nil
}

// prepareBroker makes what is needed once: a formatted data folder to copy, and the class
// archive. It does so with a broker that is started and stopped for the purpose.
func prepareBroker(ctx context.Context, inst *installation) error {
	if isFormatted(inst.formattedDir()) && exists(inst.archivePath()) {
		return nil
	}
	run, err := newRunDir(ctx)
	if err != nil {
		return err
	}
	return errors.Join(prepareIn(ctx, inst, run), run.remove())
}

func prepareIn(ctx context.Context, inst *installation, run *runDir) error {
	n := &node{inst: inst, id: nodeID, dir: run.path, data: filepath.Join(run.path, "data"), heap: defaultHeapMiB}
	if err := n.choosePorts(0); err != nil {
		return err
	}
	if err := n.writeConfig(); err != nil {
		return err
	}
	if err := inst.ensureFormatted(ctx, n, inst.formattedDir()); err != nil {
		return err
	}
	return inst.ensureArchive(func(flag string) (string, error) { return n.train(ctx, flag) })
}

// formattedDir is the folder that the data folders of plain brokers are copied from:
// copying takes no time, formatting each takes a second.
func (i *installation) formattedDir() string {
	return filepath.Join(i.dir, "formatted")
}

func isFormatted(dir string) bool {
	return exists(filepath.Join(dir, "meta.properties"))
}

// ensureFormatted has Kafka format the node's data folder, and keeps it for copying.
func (i *installation) ensureFormatted(ctx context.Context, n *node, keep string, more ...string) error {
	if isFormatted(keep) {
		return nil
	}
	arguments := append([]string{"format", "-t", clusterID, "-c", n.configPath()}, more...)
	cmd := exec.CommandContext(ctx, i.java.path, i.arguments(n.heap, nil, "kafka.tools.StorageTool", arguments...)...)
	dieWithParent(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting a data folder: %w\n%s", err, tail(string(out)))
	}
	if err := os.RemoveAll(keep); err != nil {
		return fmt.Errorf("formatting a data folder: %w", err)
	}
	return os.Rename(n.data, keep)
}

// format gives the node a formatted data folder, unless it has one.
func (n *node) format() error {
	if isFormatted(n.data) {
		return nil
	}
	from := n.inst.formattedDir()
	if n.security != nil {
		from = n.inst.secureFormattedDir()
	}
	if err := os.CopyFS(n.data, os.DirFS(from)); err != nil {
		return fmt.Errorf("formatting the data folder: %w", err)
	}
	if n.id == nodeID {
		return nil
	}
	return n.writeIdentity()
}

// train runs the node's broker once, from start to stop, and returns its log.
func (n *node) train(ctx context.Context, flag string) (string, error) {
	if err := n.format(); err != nil {
		return "", err
	}
	p, err := n.launch(ctx, flag)
	if err != nil {
		return "", err
	}
	if err := p.stop(); err != nil {
		return "", fmt.Errorf("stopping the broker: %w", err)
	}
	text, err := readFrom(n.logPath(), 0)
	return string(text), err
}

// choosePorts takes the given port for clients, or a free one if that is 0, and free ones
// for the controller and for what else a secure broker listens on.
func (n *node) choosePorts(clientPort int) (err error) {
	n.clientPort = clientPort
	if clientPort == 0 {
		if n.clientPort, err = freePort(); err != nil {
			return err
		}
	}
	if n.controllerPort, err = freePort(n.clientPort); err != nil {
		return err
	}
	taken := []int{n.clientPort, n.controllerPort}
	for _, f := range n.fronts {
		if f.port, err = freePort(taken...); err != nil {
			return err
		}
		taken = append(taken, f.port)
	}
	if n.security == nil {
		return nil
	}
	return n.security.choosePorts(n.clientPort, n.controllerPort)
}

// installSecureBroker returns what secure brokers run from.
func installSecureBroker(ctx context.Context) (*installation, error) {
	inst, err := install(ctx, brokerBundle(), func(ctx context.Context, inst *installation) error {
		if err := prepareBroker(ctx, inst); err != nil || isFormatted(inst.secureFormattedDir()) {
			return err
		}
		run, err := newRunDir(ctx)
		if err != nil {
			return err
		}
		return errors.Join(prepareSecureIn(ctx, inst, run), run.remove())
	})
	if err != nil {
		return nil, fmt.Errorf("installing Kafka %s: %w", BrokerVersion, err)
	}
	return inst, nil
}

// prepareSecureIn makes a formatted data folder to copy, with the users' passwords in it.
func prepareSecureIn(ctx context.Context, inst *installation, run *runDir) error {
	n := &node{inst: inst, id: nodeID, dir: run.path, data: filepath.Join(run.path, "data"), heap: defaultHeapMiB}
	if err := n.choosePorts(0); err != nil {
		return err
	}
	if err := n.writeConfig(); err != nil {
		return err
	}
	return inst.ensureFormatted(ctx, n, inst.secureFormattedDir(), scramArguments()...)
}

// secureFormattedDir is formattedDir for secure brokers with the users that there are now.
func (i *installation) secureFormattedDir() string {
	sum := sha256.Sum256([]byte(strings.Join(scramArguments(), " ")))
	return filepath.Join(i.dir, "formatted-"+hex.EncodeToString(sum[:8]))
}
