package health_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/health"
)

func get(h http.Handler) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w
}

func TestReadyz(t *testing.T) {
	type result struct {
		name string
		err  error
	}
	for _, tc := range []struct {
		name   string
		set    []result
		status int
		body   string
	}{
		{
			"before any result", nil, http.StatusServiceUnavailable,
			`{"ready":false,"checks":{"kafka":"not checked yet","sessions":"not checked yet","draining":"not checked yet"}}`,
		},
		{
			"one without a result",
			[]result{{"draining", nil}, {"kafka", nil}},
			http.StatusServiceUnavailable,
			`{"ready":false,"checks":{"kafka":"ok","sessions":"not checked yet","draining":"ok"}}`,
		},
		{
			"one that fails",
			[]result{{"draining", nil}, {"sessions", nil}, {"kafka", errors.New("no broker answers")}},
			http.StatusServiceUnavailable,
			`{"ready":false,"checks":{"kafka":"no broker answers","sessions":"ok","draining":"ok"}}`,
		},
		{
			"all fine",
			[]result{{"draining", nil}, {"sessions", nil}, {"kafka", nil}},
			http.StatusOK,
			`{"ready":true,"checks":{"kafka":"ok","sessions":"ok","draining":"ok"}}`,
		},
		{
			"fine again",
			[]result{{"draining", nil}, {"sessions", nil}, {"kafka", errors.New("down")}, {"kafka", nil}},
			http.StatusOK,
			`{"ready":true,"checks":{"kafka":"ok","sessions":"ok","draining":"ok"}}`,
		},
		{
			"one that fails tolerably",
			[]result{{"draining", nil}, {"sessions", health.Tolerable("behind")}, {"kafka", nil}},
			http.StatusOK,
			`{"ready":true,"checks":{"kafka":"ok","sessions":"behind","draining":"ok"}}`,
		},
		{
			"text that needs escapes",
			[]result{{"kafka", errors.New("a \"b\"\n\\")}},
			http.StatusServiceUnavailable,
			`{"ready":false,"checks":{"kafka":"a \"b\"\n\\","sessions":"not checked yet","draining":"not checked yet"}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := health.New(nil, "kafka", "sessions", "draining")
			for _, r := range tc.set {
				c.Set(r.name, r.err)
			}
			w := get(c.Readyz())
			if w.Code != tc.status || strings.TrimSuffix(w.Body.String(), "\n") != tc.body {
				t.Errorf("got  %d %s\nwant %d %s", w.Code, w.Body, tc.status, tc.body)
			}
			if got := w.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type %q", got)
			}
			if ready := tc.status == http.StatusOK; c.Ready() != ready {
				t.Errorf("Ready is %t, want %t", c.Ready(), ready)
			}
		})
	}
}

func TestLivez(t *testing.T) {
	if w := get(health.Livez()); w.Code != http.StatusOK {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestOnReadyIsToldOfChangesOnly(t *testing.T) {
	var told []bool
	c := health.New(func(ready bool) { told = append(told, ready) }, "a", "b")
	down := errors.New("down")
	for _, step := range []struct {
		name string
		err  error
	}{
		{"a", down}, {"a", nil}, {"b", nil}, {"b", nil}, // ready with the third
		{"a", down}, {"b", down}, {"a", nil}, {"b", nil}, // not with the first, again with the last
	} {
		c.Set(step.name, step.err)
	}
	if want := []bool{true, false, true}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestSetOfAnUnknownCheckPanics(t *testing.T) {
	c := health.New(nil, "kafka")
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "kafak") {
			t.Errorf("panicked with %q, want the name", got)
		}
	}()
	c.Set("kafak", nil)
}

// TestConcurrentResults lets several checks flap while the answer is read: body and status
// always agree, and the last call of onReady has the final state.
func TestConcurrentResults(t *testing.T) {
	var last bool // guarded by the checks' own order of calls
	names := []string{"a", "b", "c"}
	c := health.New(func(ready bool) { last = ready }, names...)
	var setters sync.WaitGroup
	for _, name := range names {
		setters.Go(func() {
			for i := range 1001 {
				if i%2 == 0 {
					c.Set(name, nil)
					continue
				}
				c.Set(name, errors.New("down"))
			}
		})
	}
	for range 200 {
		w := get(c.Readyz())
		fine := !strings.Contains(w.Body.String(), `"down"`) && !strings.Contains(w.Body.String(), "not checked")
		if fine != (w.Code == http.StatusOK) || fine != strings.Contains(w.Body.String(), `"ready":true`) {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	}
	setters.Wait()
	if !c.Ready() || !last {
		t.Errorf("ready %t, told %t, want both", c.Ready(), last)
	}
}
