package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/admin"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// adminTimeout bounds the time in which a request to the admin API must arrive and be answered.
	adminTimeout = 15 * time.Second
	// silentBrokers is the header of an answer in which something is missing that only these brokers know.
	silentBrokers = "X-Wsproxy-Silent-Brokers"
	// silentReplicas is the header of an answer in which something is missing that only these replicas know. Their names are
	// percent-encoded (RFC 3986), since they may have any characters.
	silentReplicas = "X-Wsproxy-Silent-Replicas"
)

// methods are the endpoints of a path.
type methods map[string]admin.Endpoint

// allow is the value of the header Allow.
func (m methods) allow() string {
	names := slices.Collect(maps.Keys(m))
	if m[http.MethodGet] != nil {
		names = append(names, http.MethodHead)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// endpoint serves the methods of a path. It refuses requests that change something from pages of other
// origins: a browser may hold the credentials, or reach an API that requires none.
func (s *Server) endpoint(m methods) http.Handler {
	allow, origins := m.allow(), http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		serve := m[method]
		if serve == nil {
			w.Header().Set("Allow", allow)
			writeError(w, proxy.Errorf(proxy.KindMethodNotAllowed, "%s answers %s only.", r.URL.Path, allow))
			return
		}
		if err := origins.Check(r); err != nil {
			writeError(w, proxy.Wrap(err, proxy.KindNotAuthorized, "Pages of another origin may not change anything here."))
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(adminTimeout)) // where there is a connection
		answer, err := serve(r)
		if err != nil {
			s.refuseAdmin(w, r, proxy.AsError(err))
			return
		}
		whole, ok := answer.(admin.Answer)
		if !ok {
			whole.Body = answer
		}
		if method != http.MethodGet && !whole.Unchanged {
			s.Log.Info("admin request", append(who(r), "result", brief(whole.Body))...)
		}
		writeAnswer(w, r, whole)
	})
}

// writeAnswer writes an answer of the admin API.
func writeAnswer(w http.ResponseWriter, r *http.Request, a admin.Answer) {
	if a.Next != "" {
		w.Header().Set("Link", "<"+nextPage(r.URL, a.Next)+`>; rel="next"`)
	}
	if len(a.Silent) > 0 {
		w.Header().Set(silentBrokers, joinIDs(a.Silent))
	}
	if len(a.SilentReplicas) > 0 {
		w.Header().Set(silentReplicas, joinNames(a.SilentReplicas))
	}
	stream, ok := a.Body.(admin.Stream)
	if !ok {
		writeJSON(w, http.StatusOK, a.Body)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_ = stream.WriteJSON(w) // to a client that has disconnected
}

// nextPage returns the reference to the page of a list after an id.
func nextPage(page *url.URL, after string) string {
	q := page.Query()
	q.Set("after", after)
	return page.EscapedPath() + "?" + q.Encode()
}

// mostNames bounds the replicas that a header names, in bytes. It names one at least.
const mostNames = 4000

func joinNames(names []string) string {
	var list strings.Builder
	list.WriteString(url.PathEscape(names[0]))
	for _, name := range names[1:] {
		if list.Len() > mostNames {
			break
		}
		list.WriteString(", " + url.PathEscape(name))
	}
	return list.String()
}

func joinIDs(ids []int32) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.Itoa(int(id))
	}
	return strings.Join(texts, ", ")
}

func (s *Server) refuseAdmin(w http.ResponseWriter, r *http.Request, e *proxy.Error) {
	if e.Kind.Class().Status >= http.StatusInternalServerError { // a change may have been made
		s.Log.Warn("admin request failed", append(who(r), "err", e)...)
	}
	writeError(w, e)
}

// who returns the attributes by which the log tells requests of administrators apart.
func who(r *http.Request) []any {
	return []any{"method", r.Method, "path", r.URL.Path, "remote", r.RemoteAddr, "subject", administratorIn(r)}
}

// maxResult bounds the result of a change in the log, in bytes: offsets may be many.
const maxResult = 1000

// brief returns the beginning of an answer in JSON, for the log.
func brief(answer any) string {
	text, err := json.Marshal(answer)
	if err != nil {
		return err.Error()
	}
	if len(text) > maxResult {
		return strings.ToValidUTF8(string(text[:maxResult]), "") + "…"
	}
	return string(text)
}
