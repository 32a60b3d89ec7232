package server

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// shorten cuts a text between two characters, and marks the cut with an ellipsis.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// plain makes text from an unauthenticated client safe for a log line: the result is short, is UTF-8, and
// holds nothing that moves the cursor or changes the direction of reading.
func plain(text string, most int) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(shorten(text, most), string(utf8.RuneError)))
}
