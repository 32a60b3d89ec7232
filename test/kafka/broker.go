package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
)

const (
	defaultHeapMiB = 192
	minHeapMiB     = 64 // with less it runs out of memory, under load or at the start
	startTries     = 3
)

// The errors of a broker's methods that tests may want to tell apart.
var (
	// ErrExternal is returned by what cannot be done to a broker that somebody else runs.
	ErrExternal = errors.New("the broker is not ours: " + BootstrapVariable + " is set")

	// ErrNotRunning is returned by what can be done to a running broker only.
	ErrNotRunning = errors.New("the broker is not running")
)

// Options say how a broker is started. The zero value is a good choice.
type Options struct {
	// Port is where clients connect, on 127.0.0.1; 0 takes a free one.
	Port int

	// DataDir is where records are kept. What a former broker left there is taken over,
	// and Close leaves it. Empty means a folder of its own, which Close removes.
	DataDir string

	// Properties are added to the broker's server.properties, and win over those set here.
	Properties map[string]string

	// HeapMiB is the most heap that the JVM may use: 64 or more; 0 means 192.
	HeapMiB int

	// Fronts are further listeners, for clients that come through something else. A secure broker has none.
	Fronts []Front

	// Log gets what the broker logs, besides its log file. It is written to from one
	// goroutine at a time.
	Log io.Writer
}

// Broker is an Apache Kafka of one broker. Its methods may be called concurrently.
type Broker struct {
	external string  // the addresses of a broker that somebody else runs
	run      *runDir // nil if external
	node     *node   // nil if external

	mu     sync.Mutex
	proc   *process // the last one that served
	closed bool
}

// Start starts a broker and returns when it serves; ctx bounds that, and not the broker's
// life. The error wraps [ErrMissing] if this machine lacks a program, and holds the end
// of the broker's log if it did not start. The caller must call Close.
func Start(ctx context.Context, o Options) (*Broker, error) {
	o, err := o.completed()
	if err != nil {
		return nil, fmt.Errorf("starting Kafka: %w", err)
	}
	inst, err := installBroker(ctx)
	if err != nil {
		return nil, err
	}
	run, err := newRunDir(ctx)
	if err != nil {
		return nil, err
	}
	b := &Broker{run: run, node: newNode(inst, run, o)}
	if err := b.start(ctx, o.Port); err != nil {
		return nil, errors.Join(fmt.Errorf("starting Kafka %s: %w", BrokerVersion, err), b.Close())
	}
	return b, nil
}

// completed returns the options with nothing left open but the port.
func (o Options) completed() (Options, error) {
	if o.HeapMiB == 0 {
		o.HeapMiB = defaultHeapMiB
	}
	if o.HeapMiB < minHeapMiB {
		return o, fmt.Errorf("a heap of %d MiB is less than %d", o.HeapMiB, minHeapMiB)
	}
	if o.DataDir == "" {
		return o, nil
	}
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return o, fmt.Errorf("finding the data folder: %w", err)
	}
	o.DataDir = dir
	return o, nil
}

func newNode(inst *installation, run *runDir, o Options) *node {
	n := &node{
		inst: inst, id: nodeID, dir: run.path, data: o.DataDir,
		heap: o.HeapMiB, properties: o.Properties, log: o.Log, fronts: frontsOf(o.Fronts),
	}
	if n.data == "" {
		n.data = filepath.Join(run.path, "data")
	}
	return n
}

// start starts the broker for the first time. Ports chosen here can be lost to another
// process before the broker has them: then it tries others.
func (b *Broker) start(ctx context.Context, port int) error {
	if err := b.node.format(); err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := b.node.choosePorts(port)
		if err == nil {
			err = b.node.askFronts()
		}
		if err == nil {
			err = b.node.writeConfig()
		}
		if err == nil {
			b.proc, err = b.node.launch(ctx, b.node.inst.useArchive())
		}
		if !errors.Is(err, errPortTaken) || port != 0 || try == startTries {
			return err
		}
	}
}

// Addr returns the bootstrap address, as host:port.
func (b *Broker) Addr() string {
	if b.node == nil {
		return b.external
	}
	return b.node.addr()
}

// Front returns the bootstrap address that a front has given, of [Options].Fronts by index.
func (b *Broker) Front(i int) string { return b.node.fronts[i].advertised }

// PID returns the process id of the broker, or 0 if it is not running or not ours.
func (b *Broker) PID() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.proc == nil || !b.proc.running() {
		return 0
	}
	return b.proc.cmd.Process.Pid
}

// Done returns a channel that is closed when the process that now runs has ended. It is
// nil for a broker that is not ours.
func (b *Broker) Done() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.proc == nil {
		return nil
	}
	return b.proc.done
}

// LogTail returns the last lines of the broker's log; there are none after Close.
func (b *Broker) LogTail() string {
	if b.node == nil {
		return ""
	}
	text, err := readFrom(b.node.logPath(), 0)
	if err != nil {
		return ""
	}
	return tail(string(text))
}
