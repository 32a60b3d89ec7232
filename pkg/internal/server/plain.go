package server

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// shorten cuts a text, at the end of a character, and tells that it did.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// plain makes what an unauthenticated client has sent fit for a line of the log: it is short, it is UTF-8, and nothing
// in it moves the cursor or turns the direction of reading.
func plain(text string, most int) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(shorten(text, most), string(utf8.RuneError)))
}
