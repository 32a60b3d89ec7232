package health

import (
	"encoding/json"
	"net/http"
)

// Readyz answers GET /readyz: 200 when every check is fine, else 503, and in both cases
//
//	{"ready":false,"checks":{"kafka":"no broker answers","sessions":"ok","draining":"ok"}}
//
// with the checks in the order that New was given.
func (c *Checks) Readyz() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		ready, body := c.report()
		status := http.StatusOK
		if !ready {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, body)
	})
}

// Livez answers GET /livez: 200 as long as the process can serve at all.
func Livez() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, []byte(`{"live":true}`))
	})
}

func answer(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// An error means that the prober has disconnected before the answer, and is ignored.
	_, _ = w.Write(append(body, '\n'))
}

// report writes the object by hand because encoding/json sorts the keys of maps.
func (c *Checks) report() (ready bool, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body = append(body, `{"ready":`...)
	body = append(body, quote(c.ready)...)
	body = append(body, `,"checks":{`...)
	for i, name := range c.names {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, quote(name)...)
		body = append(body, ':')
		body = append(body, quote(text(c.results[name]))...)
	}
	return c.ready, append(body, "}}"...)
}

func text(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// quote writes a string or bool as JSON, which cannot fail.
func quote[T string | bool](v T) []byte {
	b, _ := json.Marshal(v)
	return b
}
