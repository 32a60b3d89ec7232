package codec

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// scanAll reads data as one JSON value.
func scanAll(data []byte, maxDepth int) (t token, ok bool) {
	s := scanner{data: data, maxDepth: maxDepth}
	ok = s.value(&t) && s.end()
	return t, ok
}

// isJSON is the oracle: what RFC 8259 takes as JSON. It knows nesting up to 10,000 only.
func isJSON(data []byte) bool {
	return utf8.Valid(data) &&
		jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

func TestScanAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"null": "null", "true": "true", "false": "false",
		"zero": "0", "negative zero": "-0", "fraction": "0.10", "exponent": "1E+02", "long number": strings.Repeat("1", 1000),
		"empty string": `""`, "every escape": `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, "multibyte": `"é€😀"`,
		"lone surrogate": `"\ud83d"`, "two high surrogates": `"\ud83d\ud83d"`, "delete": "\"\x7f\"", "line separator": "\"\u2028\"",
		"quote after seven":   `"1234567\"9"`,
		"empty array":         "[]",
		"empty object":        "{}",
		"white space":         " \t\r\n[ 1 , { \"a\" : [ ] } ] ",
		"duplicate names":     `{"a":1,"a":2}`,
		"mixed nesting":       `[{"a":[{"b":{}},[],"c"]},1]`,
		"escaped name":        `{"\u0061":1}`,
		"beyond near nesting": strings.Repeat(`[{"a":`, 200) + "1" + strings.Repeat("}]", 200),
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := scanAll([]byte(text), 1); !ok || !isJSON([]byte(text)) {
				t.Errorf("scanner says %v, jsontext %v", ok, isJSON([]byte(text)))
			}
		})
	}
}

func TestScanRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "white space only": " ", "byte order mark": "\ufeff1", "NUL": "\x00", "NUL after": "1\x00",
		"leading zero": "01", "negative leading zero": "-01", "plus": "+1", "bare minus": "-", "bare fraction": ".5",
		"no fraction": "1.", "no exponent": "1e", "signed no exponent": "1e+", "hexadecimal": "0x1", "NaN": "NaN", "Infinity": "Infinity",
		"cut literal": "nul", "wrong literal": "nuII", "capital": "True", "long literal": "nulls",
		"raw newline": "\"\n\"", "raw tab": "\"1234567\t\"", "unknown escape": `"\x"`, "short unicode escape": `"\u12"`,
		"bad unicode escape": `"\u12g4"`, "surrogate then bad escape": `"\ud83d\u12"`, "cut string": `"abc`, "cut escape": `"abc\`,
		"single quotes": `'a'`, "bad UTF-8": "\"\xff\"", "overlong UTF-8": "\"\xc0\x80\"", "UTF-8 surrogate": "\"\xed\xa0\x80\"", "cut UTF-8": "\"\xe2\x82\"",
		"trailing comma in array": "[1,]", "trailing comma in object": `{"a":1,}`, "leading comma": "[,1]", "no comma": "[1 2]",
		"no colon": `{"a" 1}`, "no value": `{"a":}`, "name without quotes": "{a:1}", "number as name": "{1:2}",
		"wrong closer": "[1}", "wrong object closer": `{"a":1]`, "unclosed": "[", "unclosed object": "{", "closed twice": "[]]", "two values": "1 2", "comment": "1//",
	} {
		t.Run(name, func(t *testing.T) {
			s := scanner{data: []byte(text)}
			var v token
			if ok := s.value(&v) && s.end(); ok || isJSON([]byte(text)) {
				t.Fatalf("scanner says %v, jsontext %v", ok, isJSON([]byte(text)))
			}
			if s.fault == "" || s.pos > len(text) {
				t.Errorf("fault %q at %d", s.fault, s.pos)
			}
		})
	}
}

// Every text of a few tokens must be taken or refused as the oracle does.
func TestScanShortTexts(t *testing.T) {
	const longest = 4
	tokens := []string{"{", "}", "[", "]", ",", ":", `"`, `"a"`, `\`, `\ud800`, "0", "1", "-", ".", "e", " ", "null", "\x01", "\xff"}
	var try func(text string, left int)
	try = func(text string, left int) {
		if _, ok := scanAll([]byte(text), 1); ok != isJSON([]byte(text)) {
			t.Fatalf("%q: scanner says %v, jsontext %v", text, ok, isJSON([]byte(text)))
		}
		if left == 0 {
			return
		}
		for _, token := range tokens {
			try(text+token, left-1)
		}
	}
	try("", longest)
}

func TestScanDepth(t *testing.T) {
	for name, test := range map[string]struct {
		text    string
		max     int
		tooDeep bool
	}{
		"scalar":              {"1", 0, false},
		"at the limit":        {"[[1]]", 2, false},
		"over the limit":      {"[[[]]]", 2, true},
		"siblings":            {"[[],[],{}]", 2, false},
		"object over":         {`{"a":{"b":{}}}`, 2, true},
		"deep early":          {`[[[]],1]`, 2, true},
		"default at limit":    {strings.Repeat("[", 512) + strings.Repeat("]", 512), 512, false},
		"default over limit":  {strings.Repeat("[", 513) + strings.Repeat("]", 513), 512, true},
		"hundred thousand":    {strings.Repeat(`[`, 100_000) + strings.Repeat("]", 100_000), 512, true},
		"objects and strings": {`{"[[[":"]]]{{{"}`, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, ok := scanAll([]byte(test.text), test.max)
			if !ok || v.tooDeep != test.tooDeep {
				t.Errorf("ok %v, tooDeep %v, want true, %v", ok, v.tooDeep, test.tooDeep)
			}
		})
	}
}

// A megabyte of opening brackets must cost no more than a few bits each.
func TestScanOpenBracketsAreCheap(t *testing.T) {
	for name, unit := range map[string]string{"arrays": "[", "objects": `{"":`, "mixed": `[{"":`} {
		t.Run(name, func(t *testing.T) {
			data := []byte(strings.Repeat(unit, 1<<20/len(unit)))
			allocated := allocatedBy(func() {
				if _, ok := scanAll(data, 512); ok {
					t.Error("accepted")
				}
			})
			if perByte := float64(allocated) / float64(len(data)); perByte > 1 {
				t.Errorf("%.2f bytes allocated per byte of input", perByte)
			}
		})
	}
}

// FuzzScan states that the scanner takes exactly what RFC 8259 and UTF-8 allow, that a
// token spans the value, and that a string's content is what encoding/json finds in it.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+7,"x\u00e9\ud83d\ude00",true,false,null,{}]}`, " [ ] ", "01", `"\ud800"`, "\"\xff\"", "[1,]", `{"a":1,"a":2}`, "\ufeff1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, ok := scanAll(data, DefaultMaxDepth)
		if maxNesting(data) <= 10_000 && ok != isJSON(data) {
			t.Fatalf("scanner says %v, jsontext %v: %q", ok, isJSON(data), data)
		}
		if !ok {
			return
		}
		if got, want := string(data[v.start:v.end]), strings.Trim(string(data), " \t\r\n"); got != want {
			t.Fatalf("token spans %q, want %q", got, want)
		}
		if v.kind != kindString {
			return
		}
		var want string
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		s := scanner{data: data}
		if got := string(s.text(&v)); got != want {
			t.Fatalf("content %q, want %q", got, want)
		}
	})
}

// maxNesting returns how deep data could be nested at most.
func maxNesting(data []byte) (n int) {
	for _, c := range data {
		if c == '[' || c == '{' {
			n++
		}
	}
	return n
}
