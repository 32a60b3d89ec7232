package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/api"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// lookupTimeout bounds what a request waits for Kafka, so that a client learns within
	// five seconds that it is down.
	lookupTimeout = 4 * time.Second
	// retryAfter is sent with refusals that pass by themselves, in seconds.
	retryAfter = "1"
)

// writeJSON writes a JSON answer. That a client has gone is not an error here.
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
		w.Header().Set("Retry-After", retryAfter)
	}
	writeJSON(w, class.Status, errorBody{class.Code, e.Message})
}

// healthcheck tells that the proxy answers, to whom it may be told.
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
