package codec

import "testing"

func TestPointer(t *testing.T) {
	const document = ` {"a":1, "b":{"c":[10,{"d":"x"},[]]}, "":"empty", "x/y":"slash", "m~n":"tilde", "twice":1, "twice":2, "n":null} `
	for pointer, want := range map[string]string{
		"":          document[1 : len(document)-1],
		"/a":        "1",
		"/b/c/0":    "10",
		"/b/c/1/d":  `"x"`,
		"/b/c/2":    "[]",
		"/b/c/3":    "",
		"/b/c/01":   "",
		"/b/c/-":    "",
		"/b/c/-1":   "",
		"/":         `"empty"`,
		"/x~1y":     `"slash"`,
		"/m~0n":     `"tilde"`,
		"/twice":    "2",
		"/n":        "null",
		"/n/m":      "",
		"/a/b":      "",
		"/none":     "",
		"/b/c/1/d/": "",
	} {
		p, ok := ParsePointer(pointer)
		if !ok {
			t.Errorf("%q is refused", pointer)
			continue
		}
		if got := string(p.Find([]byte(document))); got != want {
			t.Errorf("%q: got %s, want %s", pointer, got, want)
		}
	}
	for _, pointer := range []string{"a", "a/b", "/~", "/~2", "/a~"} {
		if _, ok := ParsePointer(pointer); ok {
			t.Errorf("%q is accepted", pointer)
		}
	}
	for _, broken := range []string{"", "{", `{"a"`, `{"a":`, `{"a":x}`, "[1,", "nul"} {
		for _, pointer := range []Pointer{nil, {"a"}, {"1"}} {
			if got := pointer.Find([]byte(broken)); got != nil {
				t.Errorf("%v of %s: got %s", pointer, broken, got)
			}
		}
	}
}
