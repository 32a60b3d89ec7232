package spec

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// known remembers what was found right. Tests get the same answers again and again, and for each the library
// compiles the schemas of its body and of all of its headers, which takes milliseconds under the race detector.
type known struct {
	mu    sync.Mutex
	right map[[sha256.Size]byte]bool
}

// check returns what is wrong, unless the same text was found right before.
func (k *known) check(text []byte, check func() error) error {
	sum := sha256.Sum256(text)
	k.mu.Lock()
	isRight := k.right[sum]
	k.mu.Unlock()
	if isRight {
		return nil
	}
	if err := check(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.right[sum] = true
	return nil
}

// answerText returns all of an answer that the document speaks of. Of the header that is never the same twice, only
// whether it is there.
func answerText(input *openapi3filter.ResponseValidationInput, body []byte) []byte {
	route, options := input.RequestValidationInput.Route, input.Options
	var text bytes.Buffer
	const accept = "Sec-Websocket-Accept"
	fmt.Fprintf(&text, "%s %s %t %d %t\n", route.Method, route.Path, options.ExcludeResponseBody, input.Status, input.Header[accept] != nil)
	_ = input.Header.WriteSubset(&text, map[string]bool{"Date": true, accept: true}) // a buffer takes all
	fmt.Fprintf(&text, "\n%s", body)
	return text.Bytes()
}

// requestText returns all of a request that the document speaks of.
func requestText(request *http.Request, path string) ([]byte, error) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s %s\n", request.Method, path, request.URL.RequestURI())
	_ = request.Header.Write(&text) // a buffer takes all
	if request.GetBody == nil {
		return text.Bytes(), nil
	}
	body, err := request.GetBody()
	if err != nil {
		return nil, fmt.Errorf("reading the request's body: %w", err)
	}
	if _, err := io.Copy(&text, body); err != nil {
		return nil, fmt.Errorf("reading the request's body: %w", err)
	}
	return text.Bytes(), nil
}
