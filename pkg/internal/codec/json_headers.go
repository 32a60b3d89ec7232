package codec

import (
	"strconv"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// decodeHeaders reads the headers of a message, in their order, duplicates included.
func decodeHeaders(s *scanner, list *token) (headers []proxy.Header, err *proxy.Error) {
	if isAbsent(list) {
		return nil, nil
	}
	if list.kind != kindArray {
		return nil, wrongShape(s, "headers", list, `an array of {"key":…,"value":…}`)
	}
	again := scanner{data: s.data, pos: list.start + 1, maxDepth: s.maxDepth}
	for again.element(len(headers) == 0) {
		var h proxy.Header
		if h, err = decodeHeader(&again, len(headers)); err != nil {
			return nil, err
		}
		headers = append(headers, h)
	}
	return headers, nil
}

// decodeHeader reads the header at which the scanner is, index'th of its message.
func decodeHeader(s *scanner, index int) (h proxy.Header, err *proxy.Error) {
	var key, value token
	if s.peek() != '{' {
		s.value(&key)
		return h, wrongShape(s, headerName(index, ""), &key, `an object {"key":…,"value":…}`)
	}
	scanHeader(s, &key, &value)
	switch {
	case key.kind != kindString:
		return h, wrongShape(s, headerName(index, ".key"), &key, "a string")
	case key.lone:
		return h, loneSurrogate(s, headerName(index, ".key"), &key)
	}
	h.Key = string(s.text(&key))
	h.Value, err = headerValue(s, index, &value)
	return h, err
}

func scanHeader(s *scanner, key, value *token) {
	for name := range s.members {
		switch string(name) {
		case "key":
			s.value(key)
		case "value":
			s.value(value)
		default:
			s.skip()
		}
	}
}

// headerValue reads a header's value: a string, null, or the bytearray object.
func headerValue(s *scanner, index int, value *token) ([]byte, *proxy.Error) {
	switch value.kind {
	case kindNull:
		return nil, nil
	case kindString:
		if value.lone {
			return nil, loneSurrogate(s, headerName(index, ".value"), value)
		}
		return append([]byte{}, s.text(value)...), nil
	case kindObject:
		return headerBytes(s, index, value)
	}
	return nil, wrongShape(s, headerName(index, ".value"), value, headerValues)
}

const headerValues = `a string, null or {"value":"<base64>","format":"bytearray"}`

// headerBytes reads a header's value from the object that value spans.
func headerBytes(s *scanner, index int, value *token) ([]byte, *proxy.Error) {
	again := scanner{data: s.data, pos: value.start, maxDepth: s.maxDepth}
	var f field
	f.scan(&again)
	member := headerName(index, ".value")
	format, err := f.resolve(s, member, proxy.FormatNone)
	if err != nil {
		return nil, err
	}
	if format != proxy.FormatByteArray {
		return nil, wrongShape(s, member, value, headerValues)
	}
	return decodeField(make([]byte, sizeOf(format, &f.value)), s, member, format, &f.value)
}

func headerName(index int, member string) string {
	return "headers[" + strconv.Itoa(index) + "]" + member
}
