package server

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/api"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// lookupTimeout bounds how long a request waits for Kafka, so that a client learns within five
	// seconds that Kafka is down.
	lookupTimeout = 4 * time.Second
	// leastRetry and mostRetry bound the seconds after which a client is told to try again. The number is
	// random, since clients that were refused together would otherwise retry together.
	leastRetry, mostRetry = 1, 5
)

// writeJSON writes a JSON answer. It ignores the error of a client that has disconnected.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// errorBody is the body of every HTTP error.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// writeError writes the answer that an error's kind calls for.
func writeError(w http.ResponseWriter, e *proxy.Error) {
	class := e.Kind.Class()
	if class.Status == http.StatusServiceUnavailable || class.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfter(e.Kind))
	}
	writeJSON(w, class.Status, errorBody{class.Code, e.Message})
}

// retryAfter returns the seconds after which to try again.
func retryAfter(kind proxy.Kind) string {
	seconds := leastRetry + rand.IntN(mostRetry-leastRetry+1) //nolint:gosec // it spreads clients, and keeps no secret
	if kind == proxy.KindOverloaded {
		seconds *= 2
	}
	return strconv.Itoa(seconds)
}

// ready serves readiness on the main listener, for load balancers that probe the port to which they send
// clients.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	ready, status := s.Checks.Ready(), http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]bool{"ready": ready})
}

// healthcheck serves /healthcheck, which tells that the proxy answers. It requires credentials if
// SecureHealthcheck is set.
func (s *Server) healthcheck() http.HandlerFunc {
	answer := func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"response": "I'm healthy"})
	}
	if s.Config.Server.SecureHealthcheck {
		return s.clients(answer)
	}
	return answer
}

// avroSchema serves the schema of a kind of Avro message.
func (s *Server) avroSchema(message string) http.HandlerFunc {
	return s.file("application/json", func() ([]byte, error) { return api.AvroSchema(message) })
}

// file serves an embedded file.
func (s *Server) file(contentType string, read func() ([]byte, error)) http.HandlerFunc {
	text, err := read()
	return func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			s.Log.Error("reading an embedded file failed", "path", r.URL.Path, "err", err)
			writeError(w, proxy.AsError(err))
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache") // it changes with the program only
		_, _ = w.Write(text)
	}
}

// clusterInfo lists the brokers.
func (s *Server) clusterInfo(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	brokers, err := s.Cluster.Brokers(ctx)
	if err != nil {
		s.Log.Warn("listing the brokers failed", "err", err)
		writeError(w, proxy.AsError(err))
		return
	}
	writeJSON(w, http.StatusOK, brokers)
}
