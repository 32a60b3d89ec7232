package console

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// packer compresses the files of the page, each once. The zero value has compressed none.
type packer struct {
	mu     sync.Mutex
	packed map[string][]byte // by their contents: as many as the page has files. Guarded by mu
}

// pack returns content in the format of RFC 1952. content is a file of the page.
func (p *packer) pack(content []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if had, ok := p.packed[string(content)]; ok {
		return had
	}
	var text bytes.Buffer
	w, _ := gzip.NewWriterLevel(&text, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(content)                                  // a buffer takes all
	_ = w.Close()
	if p.packed == nil {
		p.packed = make(map[string][]byte)
	}
	p.packed[string(content)] = text.Bytes()
	return text.Bytes()
}

// takesGzip tells whether a client takes gzip. One that weighs encodings gets none: browsers do not.
func takesGzip(r *http.Request) bool {
	for encoding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.EqualFold(strings.TrimSpace(encoding), "gzip") {
			return true
		}
	}
	return false
}
