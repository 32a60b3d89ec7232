package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strings"
)

// body is what is sent of a file, in one of its two forms.
type body struct {
	content []byte
	tag     string // the ETag
}

func bodyOf(content []byte) body {
	sum := sha256.Sum256(content)
	return body{content, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// file is a file of the page as it is sent.
type file struct {
	mediaType    string
	plain, small body // small is compressed by RFC 1952
}

// prepare makes all files of the page ready to be sent, by their names.
func prepare() map[string]file {
	files := make(map[string]file)
	var pack packer
	_ = fs.WalkDir(page, "page", func(path string, entry fs.DirEntry, _ error) error {
		if entry.IsDir() {
			return nil
		}
		content, _ := page.ReadFile(path) // what is embedded can be read
		name := strings.TrimPrefix(path, "page/")
		plain := bare(name, content)
		files[name] = file{mediaType(name), bodyOf(plain), bodyOf(pack.pack(plain))}
		return nil
	})
	return files
}

// packer compresses one file after another with the same memory, of which gzip wants a megabyte. The zero value is ready.
type packer struct{ writer *gzip.Writer }

func (p *packer) pack(content []byte) []byte {
	var text bytes.Buffer
	if p.writer == nil {
		p.writer, _ = gzip.NewWriterLevel(nil, gzip.BestCompression) // the level is a valid one
	}
	p.writer.Reset(&text)
	_, _ = p.writer.Write(content) // a buffer takes all
	_ = p.writer.Close()
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
