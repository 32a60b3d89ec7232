package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// usage is what a process has used since its start.
type usage struct {
	cpu         float64 // seconds
	allocations float64
	memory      float64 // bytes that are resident now
	heap        float64 // bytes of the heap that are in use now, garbage included
	stacks      float64 // bytes of the stacks now
}

// since returns what was used after an earlier moment; the memory stays that of now.
func (u usage) since(before usage) usage {
	u.cpu -= before.cpu
	u.allocations -= before.allocations
	return u
}

// readUsage reads the usage from a process's metrics.
func readUsage(r io.Reader) (usage, error) {
	var u usage
	wanted := map[string]*float64{
		"process_cpu_seconds_total":     &u.cpu,
		"go_memstats_mallocs_total":     &u.allocations,
		"process_resident_memory_bytes": &u.memory,
		"go_memstats_heap_inuse_bytes":  &u.heap,
		"go_memstats_stack_inuse_bytes": &u.stacks,
	}
	sums, err := sumMetrics(r)
	if err != nil {
		return usage{}, err
	}
	for name, field := range wanted {
		value, ok := sums[name]
		if !ok {
			return usage{}, fmt.Errorf("the metrics have no %s: does this system have /proc?", name)
		}
		*field = value
	}
	return u, nil
}

// sumMetrics reads a process's metrics, the series of each name together.
func sumMetrics(r io.Reader) (map[string]float64, error) {
	sums := make(map[string]float64)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("reading metric %s: %w", line, err)
		}
		name, _, _ := strings.Cut(line[:max(0, end)], "{")
		sums[name] += value
	}
	return sums, lines.Err()
}

// meter returns the usage of a process.
type meter func() (usage, error)

// meter reads the usage of the proxy from its metrics.
func (p *proxyProcess) meter(ctx context.Context) meter {
	return func() (u usage, err error) {
		err = p.metrics(ctx, func(body io.Reader) error {
			u, err = readUsage(body)
			return err
		})
		return u, err
	}
}

func (p *proxyProcess) metrics(ctx context.Context, read func(io.Reader) error) error {
	response, err := p.get(ctx, "/metrics")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return read(response.Body)
}

// ownMeter reads the usage of this process, in the same way.
func ownMeter() meter {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return func() (usage, error) {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return readUsage(answer.Body)
	}
}
