package cli

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// piece is a part of a format string: a text, or what stands behind a percent sign.
type piece struct {
	text string
	what byte // 0 for a text
}

// parseFormat reads a format string as kcat has them.
func parseFormat(format string) (pieces []piece, err error) {
	var text []byte
	flush := func() {
		if len(text) > 0 {
			pieces = append(pieces, piece{text: string(text)})
			text = nil
		}
	}
	for i := 0; i < len(format); i++ {
		c := format[i]
		if (c == '%' || c == '\\') && i+1 == len(format) {
			return nil, fmt.Errorf("--format ends with %c: write %c%c for one in the output", c, c, c)
		}
		switch c {
		case '%':
			i++
			switch what := format[i]; {
			case what == '%':
				text = append(text, '%')
			case strings.IndexByte("sSRkKThtpo", what) >= 0:
				flush()
				pieces = append(pieces, piece{what: what})
			default:
				return nil, fmt.Errorf("--format has %%%c: there are %%s %%S %%R %%k %%K %%T %%h %%t %%p %%o and %%%%", what)
			}
		case '\\':
			b, n, err := escape(format[i+1:])
			if err != nil {
				return nil, err
			}
			text = append(text, b)
			i += n
		default:
			text = append(text, c)
		}
	}
	flush()
	return pieces, nil
}

// escape reads what is behind a backslash, and returns how long it is.
func escape(rest string) (b byte, n int, err error) {
	switch rest[0] {
	case 'n':
		return '\n', 1, nil
	case 'r':
		return '\r', 1, nil
	case 't':
		return '\t', 1, nil
	case '\\':
		return '\\', 1, nil
	case 'x':
		if len(rest) >= 3 {
			if number, err := strconv.ParseUint(rest[1:3], 16, 8); err == nil {
				return byte(number), 3, nil
			}
		}
	}
	return 0, 0, fmt.Errorf(`--format has \%c: there are \n \r \t \\ and \xHH`, rest[0])
}

func escapeFormat(text string) string {
	return strings.NewReplacer("%", "%%").Replace(text)
}

// format appends a record by the format string.
func (o *printer) format(dst []byte, r *client.Record) []byte {
	for _, p := range o.flags.parsed {
		switch p.what {
		case 0:
			dst = append(dst, p.text...)
		case 's':
			dst = o.appendBytes(dst, r.Value, o.value, r.ValueFormat)
		case 'k':
			dst = o.appendBytes(dst, r.Key, o.key, r.KeyFormat)
		case 'S':
			dst = strconv.AppendInt(dst, length(r.Value), 10)
		case 'K':
			dst = strconv.AppendInt(dst, length(r.Key), 10)
		case 'R':
			dst = binary.BigEndian.AppendUint32(dst, uint32(length(r.Value)))
		case 'T':
			dst = strconv.AppendInt(dst, r.Timestamp, 10)
		case 'h':
			dst = o.appendHeaders(dst, r.Headers)
		case 't':
			dst = append(dst, r.Topic...)
		case 'p':
			dst = strconv.AppendInt(dst, int64(r.Partition), 10)
		case 'o':
			dst = strconv.AppendInt(dst, r.Offset, 10)
		}
	}
	return dst
}

// appendBytes appends a key or a value. One that does not have the format that was asked for goes out as its bytes.
func (o *printer) appendBytes(dst, b []byte, asked, came proxy.Format) []byte {
	switch {
	case b == nil && o.flags.null:
		return append(dst, "NULL"...)
	case asked == came:
		return codec.AppendText(dst, asked, b)
	}
	return append(dst, b...)
}

func (o *printer) appendHeaders(dst []byte, headers []client.Header) []byte {
	for i, h := range headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, h.Key...), '='), h.Value...)
		if h.Value == nil {
			dst = append(dst, "NULL"...)
		}
	}
	return dst
}

// length is -1 for null.
func length(b []byte) int64 {
	if b == nil {
		return -1
	}
	return int64(len(b))
}
