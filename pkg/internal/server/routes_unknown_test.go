package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAnUnknownSocketIsAnsweredWithThoseThereAre while other unknown paths are only named.
func TestAnUnknownSocketIsAnsweredWithThoseThereAre(t *testing.T) {
	for path, want := range map[string]string{
		"/socket/produce": `"There is nothing at /socket/produce. The sockets are /socket/in, /socket/out, /socket/tail and /socket/queue."`,
		"/socketry":       `"There is nothing at /socketry."`,
	} {
		w := httptest.NewRecorder()
		notFound(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != 404 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
