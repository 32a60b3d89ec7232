// Package otlp is a collector of traces for tests: OTLP over HTTP.
package otlp

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector keeps the spans that it is sent.
type Collector struct {
	URL string // for OTEL_EXPORTER_OTLP_ENDPOINT

	mu       sync.Mutex // guards what follows
	requests []*http.Request
	bodies   []string
	spans    []Span
}

// Span is a span as a collector knows it.
type Span struct {
	Name             string
	Kind             trace.Span_SpanKind
	TraceID, ID      string            // in hexadecimal
	ParentID, LinkID string            // of the first link; empty where there is none
	LinkIDs          []string          // of all links
	Status           string            // the code of an error
	Attributes       map[string]string // numbers in decimal
	Resource         map[string]string
	Nanoseconds      int64 // from start to end
}

// Start starts a collector, which ends with the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var batch collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &batch)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests, c.bodies = append(c.requests, r), append(c.bodies, string(body))
	for _, resource := range batch.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, newSpan(s, resource.GetResource().GetAttributes()))
			}
		}
	}
}

func newSpan(s *trace.Span, resource []*common.KeyValue) Span {
	span := Span{
		Name: s.GetName(), Kind: s.GetKind(), Status: s.GetStatus().GetMessage(), Attributes: texts(s.GetAttributes()), Resource: texts(resource),
		TraceID: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), ParentID: hex.EncodeToString(s.GetParentSpanId()),
		Nanoseconds: int64(s.GetEndTimeUnixNano() - s.GetStartTimeUnixNano()),
	}
	for _, link := range s.GetLinks() {
		span.LinkIDs = append(span.LinkIDs, hex.EncodeToString(link.GetSpanId()))
		span.LinkID = span.LinkIDs[0]
	}
	return span
}

func texts(attributes []*common.KeyValue) map[string]string {
	all := make(map[string]string, len(attributes))
	for _, a := range attributes {
		_, text, _ := strings.Cut(a.GetValue().String(), ":")
		all[a.GetKey()] = strings.Trim(text, `"`)
	}
	return all
}

// Spans returns the spans of a name, or all where it is empty, in the order in which they came.
func (c *Collector) Spans(name string) []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.spans), func(s Span) bool { return name != "" && s.Name != name })
}

// Requests returns what was asked of the collector.
func (c *Collector) Requests() []*http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// Holds tells whether a text is anywhere in what was sent.
func (c *Collector) Holds(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.bodies, func(body string) bool { return strings.Contains(body, text) })
}
