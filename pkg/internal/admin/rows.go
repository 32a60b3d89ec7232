package admin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Stream is a body that writes itself piece by piece: as a whole it may be large.
type Stream interface {
	// WriteJSON writes the body in JSON, and a line end.
	WriteJSON(to io.Writer) error
}

// rows is a body that is an array. Each entry is converted to a row when it is written.
type rows[E, R any] struct {
	entries []E
	row     func(E) R
}

// WriteJSON implements Stream.
func (r rows[E, R]) WriteJSON(to io.Writer) error {
	w := bufio.NewWriter(to)
	before := byte('[')
	for _, e := range r.entries {
		text, err := json.Marshal(r.row(e))
		if err != nil {
			return fmt.Errorf("encoding an entry of a list: %w", err)
		}
		_ = w.WriteByte(before) // Flush returns the error
		_, _ = w.Write(text)
		before = ','
	}
	if len(r.entries) == 0 {
		_ = w.WriteByte(before)
	}
	_, _ = w.WriteString("]\n")
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing a list: %w", err)
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (r rows[E, R]) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	err := r.WriteJSON(&text)
	return text.Bytes(), err
}
