package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// valueError says what is wrong with a value: "<text> <reason>" makes the sentence.
type valueError struct {
	text   string // the value, or the invalid item of a list
	reason string
}

// Error returns the reason alone: the text may be a secret.
func (e *valueError) Error() string { return e.reason }

func reject(text, reason string, args ...any) error {
	return &valueError{text, fmt.Sprintf(reason, args...)}
}

// decode sets the field to what text says, or leaves it as it is and says why.
func (f field) decode(text string) error {
	if reason := unreadable(text); reason != "" {
		return reject(text, "%s", reason)
	}
	switch p := f.value.Addr().Interface().(type) {
	case *Secret:
		*p = Secret(text)
		return nil
	case *string:
		return f.decodeString(p, text)
	case *[]string:
		return f.decodeList(p, text)
	case *bool:
		return decodeBool(p, text)
	case *int:
		return decodeBounded(f, p, text, "a whole number", strconv.Atoi, strconv.Itoa)
	case *int64:
		return decodeBounded(f, p, text, "a size such as 65536, 16KiB or 1MiB", parseSize, formatSize)
	case *time.Duration:
		return decodeBounded(f, p, text, "a duration such as 500ms, 30s or 10m", time.ParseDuration, formatDuration)
	default:
		panic(fmt.Sprintf("config: field of %s has the type %T, which nothing decodes", f.name, p))
	}
}

// text returns the field's value as decode reads it, a secret included.
func (f field) text() string {
	switch v := f.value.Interface().(type) {
	case Secret:
		return string(v)
	case []string:
		return strings.Join(v, ",")
	case int64:
		return formatSize(v)
	case time.Duration:
		return formatDuration(v)
	default:
		return fmt.Sprint(v)
	}
}

func unreadable(text string) string {
	if !utf8.ValidString(text) {
		return "is not UTF-8"
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "holds a line break or another control character"
	}
	return ""
}

func (f field) decodeString(p *string, text string) error {
	if choices := f.tag.Get("choices"); choices != "" {
		for choice := range strings.SplitSeq(choices, ",") {
			if strings.EqualFold(choice, text) {
				*p = choice
				return nil
			}
		}
		return reject(text, "is not one of %s", strings.ReplaceAll(choices, ",", ", "))
	}
	if reason := checkForm(f.tag.Get("check"), text); text != "" && reason != "" {
		return reject(text, "%s", reason)
	}
	*p = text
	return nil
}

func (f field) decodeList(p *[]string, text string) error {
	var items []string
	if text == "" {
		*p = nil
		return nil
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			return reject(text, "has an empty item")
		}
		if reason := checkForm(f.tag.Get("check"), item); reason != "" {
			return reject(item, "%s", reason)
		}
		items = append(items, item)
	}
	*p = items
	return nil
}

func decodeBool(p *bool, text string) error {
	value, err := strconv.ParseBool(text)
	if err != nil {
		return reject(text, "is neither true nor false")
	}
	*p = value
	return nil
}

// decodeBounded reads a value of a kind that has bounds.
func decodeBounded[T int | int64 | time.Duration](
	f field, p *T, text, kind string, parse func(string) (T, error), format func(T) string,
) error {
	least, errLeast := parse(f.tag.Get("min"))
	most, errMost := parse(f.tag.Get("max"))
	if err := errors.Join(errLeast, errMost); err != nil {
		panic(fmt.Sprintf("config: bounds of %s: %v", f.name, err))
	}
	value, err := parse(text)
	outside := value < least || value > most
	if errors.Is(err, strconv.ErrRange) || err == nil && outside {
		return reject(text, "is out of range: use %s to %s", format(least), format(most))
	}
	if err != nil {
		return reject(text, "is not %s", kind)
	}
	*p = value
	return nil
}
