package history

import (
	"strconv"
	"strings"
)

// Header is a header of a record.
type Header struct{ Key, Value string }

// Content puts what a record consists of into one string that no other record has. A nil key
// or value is null, which is not the same as empty.
func Content(key, value *string, headers []Header) string {
	var b strings.Builder
	part := func(s *string) {
		if s == nil {
			b.WriteString("-;")
			return
		}
		b.WriteString(strconv.Itoa(len(*s)))
		b.WriteByte(':')
		b.WriteString(*s)
		b.WriteByte(';')
	}
	part(key)
	part(value)
	for i := range headers {
		part(&headers[i].Key)
		part(&headers[i].Value)
	}
	return b.String()
}
