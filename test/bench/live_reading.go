package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/loadclient"
)

// encodingsMetric is how the proxy tells how often it has encoded a record for live reading.
const encodingsMetric = "wsproxy_tail_encodings_total"

// process is what a process of this machine uses.
type process struct {
	cpu    float64 // seconds since its start
	memory float64 // bytes that are resident now
}

// readProcess returns nothing for the process 0, which stands for one that is elsewhere.
func readProcess(pid int) (p process, err error) {
	if pid == 0 {
		return p, nil
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{PidFn: func() (int, error) { return pid, nil }}))
	families, err := registry.Gather()
	if err != nil {
		return p, fmt.Errorf("reading what process %d uses: %w", pid, err)
	}
	for _, family := range families {
		switch family.GetName() {
		case "process_cpu_seconds_total":
			p.cpu = family.GetMetric()[0].GetCounter().GetValue()
		case "process_resident_memory_bytes":
			p.memory = family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	if p.memory == 0 {
		return p, fmt.Errorf("nothing is told of process %d: does this system have /proc?", pid)
	}
	return p, nil
}

// reading is what there is at a moment.
type reading struct {
	at                              time.Time
	report                          loadclient.Report
	proxy, broker, client, producer process
	machine                         float64 // seconds that all processors were busy
}

// read reads all that a flow is judged by.
func (l *live) read(p *proxyProcess, sockets *listeners) (r reading, err error) {
	r.at = time.Now()
	if r.report, err = sockets.report(); err != nil {
		return r, err
	}
	var failed [5]error
	r.proxy, failed[0] = readProcess(p.cmd.Process.Pid)
	r.broker, failed[1] = readProcess(l.broker.pid)
	r.client, failed[2] = readProcess(sockets.process.pid())
	r.producer, failed[3] = readProcess(os.Getpid())
	r.machine, failed[4] = readMachine()
	return r, errors.Join(failed[:]...)
}

// encodings returns how often the proxy has encoded a record so far: NaN where it does not count that.
func (p *proxyProcess) encodings(ctx context.Context) (n float64, err error) {
	err = p.metrics(ctx, func(body io.Reader) error {
		sums, err := sumMetrics(body)
		n = math.NaN()
		if counted, ok := sums[encodingsMetric]; ok {
			n = counted
		}
		return err
	})
	return n, err
}
