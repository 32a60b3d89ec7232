package console

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

// mostBytes is what the page's files may have, with what it was made of by others and their licences. A browser gets them
// compressed, and what it gets has the bound that counts: mostOnTheWire. This one is wider, since it also counts line
// breaks, indentation and comments, which cost readers of the files more to miss than they cost on the way.
const mostBytes = 200 << 10

// mostOnTheWire is what the page may weigh on its way to a browser that has none of it.
const mostOnTheWire = 64 << 10

// mostUnpacked is what a browser may have to read in all.
const mostUnpacked = 150 << 10

// mostInLine is how many characters a line of what we wrote may have: so many can be read without scrolling.
const mostInLine = 120

func handler() http.Handler {
	return Handler(Options{
		Replica: "r", Download: true, Clients: Clients{Port: 8078}, Who: func(*http.Request) string { return "admin:ops" }, NotFound: http.NotFound,
	})
}

func ask(t *testing.T, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return askOf(t, handler(), target, headers...)
}

func askOf(t *testing.T, h http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// files returns the content of the page's files by their names.
func files(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := fs.WalkDir(page, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := page.ReadFile(name)
		found[strings.TrimPrefix(name, "page/")] = string(content)
		return err
	})
	if err != nil || len(found) < 5 {
		t.Fatal(len(found), err)
	}
	return found
}

// TestLinesAreShort looks at what we wrote, but for the icon, whose paths have no place for line breaks.
func TestLinesAreShort(t *testing.T) {
	for name, content := range files(t) {
		if strings.HasPrefix(name, "lib/") || name == "icon.svg" {
			continue
		}
		for i, line := range strings.Split(content, "\n") {
			if n := len([]rune(line)); n > mostInLine {
				t.Errorf("%s:%d has %d characters, more than %d", name, i+1, n, mostInLine)
			}
		}
	}
}

func TestSourcesAreLight(t *testing.T) {
	total := 0
	for _, content := range files(t) {
		total += len(content)
	}
	t.Logf("%d bytes", total)
	if total > mostBytes {
		t.Errorf("the sources have %d bytes, more than %d", total, mostBytes)
	}
}

// TestAnswersKeepScriptsOut looks at the headers by which browsers run no script but the page's own, and show it in no
// frame.
func TestAnswersKeepScriptsOut(t *testing.T) {
	h := handler()
	for name := range files(t) {
		answer := askOf(t, h, Root+name)
		if answer.Code != http.StatusOK {
			t.Errorf("%s: got %d", name, answer.Code)
		}
		csp := answer.Header().Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(csp+";", rule+";") {
				t.Errorf("%s: there is no %s in %q", name, rule, csp)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy is %q", name, csp)
		}
	}
}

func TestBrowsersAskAgainForWhatTheyHave(t *testing.T) {
	first := ask(t, Root)
	if first.Code != http.StatusOK || !strings.HasPrefix(first.Header().Get("Content-Type"), "text/html") || !strings.Contains(first.Body.String(), "js/app.js") {
		t.Fatalf("got %d %v", first.Code, first.Header())
	}
	again := ask(t, Root, "If-None-Match", first.Header().Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("got %d with %d bytes", again.Code, again.Body.Len())
	}
	if other := ask(t, Root+"style.css", "If-None-Match", first.Header().Get("ETag")); other.Code != http.StatusOK {
		t.Errorf("another file: got %d", other.Code)
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	h := handler()
	for _, name := range []string{"x", "js", "js/", "../console.go", "js/../index.html", "page/index.html", "%2e%2e/console.go"} {
		if answer := askOf(t, h, Root+name); answer.Code != http.StatusNotFound {
			t.Errorf("%s: got %d", name, answer.Code)
		}
	}
}

func TestThePageIsToldItsSettings(t *testing.T) {
	var got settings
	if err := json.Unmarshal(ask(t, Root+"settings.json").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := (settings{"r", true, Clients{Port: 8078}, "admin:ops"}); got != want {
		t.Errorf("got %+v", got)
	}
}

// TestThePageMakesTextAlone looks for what would make markup or script of text, in what we wrote.
func TestThePageMakesTextAlone(t *testing.T) {
	bad := regexp.MustCompile(`(?i)innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setTimeout\("|javascript:|srcdoc| on\w+="| style="|<style|<script>`)
	for name, content := range files(t) {
		if strings.HasPrefix(name, "lib/") {
			continue
		}
		if found := bad.FindString(content); found != "" {
			t.Errorf("%s has %q", name, found)
		}
	}
}

// TestModulesAreThere looks for the files that modules import.
func TestModulesAreThere(t *testing.T) {
	found := files(t)
	imported := regexp.MustCompile(`(?m)(?:^|;)import ?(?:[^"'` + "`" + `]*from ?)?"([^"]*)"`)
	for name, content := range found {
		if path.Ext(name) != ".js" {
			continue
		}
		for _, match := range imported.FindAllStringSubmatch(content, -1) {
			if _, ok := found[path.Join(path.Dir(name), match[1])]; !ok {
				t.Errorf("%s imports %s, which is not there", name, match[1])
			}
		}
	}
}

// TestCommentsAndIndentationAreNotSent compares what is sent with the sources, line by line.
func TestCommentsAndIndentationAreNotSent(t *testing.T) {
	h := handler()
	for name, content := range files(t) {
		had, sent := strings.Split(content, "\n"), strings.Split(askOf(t, h, Root+name).Body.String(), "\n")
		if len(had) != len(sent) {
			t.Errorf("%s has %d lines, and %d of them are sent", name, len(had), len(sent))
			continue
		}
		for i, line := range had {
			if strings.HasPrefix(name, "js/") || name == "style.css" {
				line = strings.TrimLeft(line, " ")
			}
			if strings.HasPrefix(name, "js/") && strings.HasPrefix(line, "//") {
				line = ""
			}
			if sent[i] != line {
				t.Errorf("%s:%d is sent as %q", name, i+1, sent[i])
			}
		}
	}
}

func TestThePageIsSentCompressed(t *testing.T) {
	h := handler()
	total, unpacked := 0, 0
	for name := range files(t) {
		content := askOf(t, h, Root+name).Body.String()
		unpacked += len(content)
		answer := askOf(t, h, Root+name, "Accept-Encoding", "gzip, deflate, br")
		total += answer.Body.Len()
		r, err := gzip.NewReader(answer.Body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != content || answer.Header().Get("Content-Encoding") != "gzip" || answer.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: got %d bytes, %v, %v", name, len(got), answer.Header(), err)
		}
		again := askOf(t, h, Root+name, "Accept-Encoding", "gzip", "If-None-Match", answer.Header().Get("ETag"))
		plain := askOf(t, h, Root+name, "Accept-Encoding", "gzip;q=0", "If-None-Match", answer.Header().Get("ETag"))
		if again.Code != http.StatusNotModified || plain.Code != http.StatusOK || plain.Body.String() != content {
			t.Errorf("%s: who has it gets %d, who takes it plain gets %d with %d bytes", name, again.Code, plain.Code, plain.Body.Len())
		}
	}
	t.Logf("%d bytes, sent as %d", unpacked, total)
	if total > mostOnTheWire {
		t.Errorf("%d bytes are sent, more than %d", total, mostOnTheWire)
	}
	if unpacked > mostUnpacked {
		t.Errorf("a browser has %d bytes in all, more than %d", unpacked, mostUnpacked)
	}
}

// TestFilesArePreparedOnce has a file sent twice by one handler: what is written is the same memory.
func TestFilesArePreparedOnce(t *testing.T) {
	h := handler()
	for _, encoding := range []string{"gzip", "identity"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, Root+"js/connections.js", nil)
		r.Header.Set("Accept-Encoding", encoding)
		var first, second written
		h.ServeHTTP(&first, r)
		h.ServeHTTP(&second, r)
		if len(first.content) == 0 || &first.content[0] != &second.content[0] {
			t.Errorf("%s: what is sent was made for each of two requests", encoding)
		}
	}
}

// written keeps what is written, without a copy.
type written struct {
	header  http.Header
	content []byte
}

func (w *written) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}

func (w *written) WriteHeader(int) {}

func (w *written) Write(content []byte) (int, error) {
	w.content = content
	return len(content), nil
}

// BenchmarkPrepare measures what each start of a replica with the console pays.
func BenchmarkPrepare(b *testing.B) {
	for b.Loop() {
		prepare()
	}
}
