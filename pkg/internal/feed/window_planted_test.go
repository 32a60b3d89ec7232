package feed

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/planted"
)

// TestLongPlantedBugsOfWindows breaks one rule of what peers can repeat at a time: the peers of the model must notice.
func TestLongPlantedBugsOfWindows(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new string }{
		"a jump within a chunk is forgotten":         {"window.go", "w.text != c.text || w.next != record", "w.text != c.text"},
		"a jump to another chunk is forgotten":       {"window.go", "w.text != c.text || w.next != record", "w.next != record"},
		"chunks of two rings are taken for one":      {"ring.go", "text: r.memory.texts.Add(1)", "text: r.first + uint64(len(r.chunks))"},
		"text that was sent plain counts":            {"window.go", "case !w.inOrder || what == plain && f.state == isText:", "case !w.inOrder:"},
		"what is no text counts":                     {"window.go", "\tcase f.state == isText:\n\t\thave +=", "\tdefault:\n\t\thave +="},
		"a newcomer is given what others can repeat": {"window.go", "w.inOrder && have >= before && before+text <= w.size", "w.inOrder && before+text <= w.size"},
		"a narrow window is overlooked":              {"window.go", "have >= before && before+text <= w.size", "have >= before"},
		"a long frame overruns a narrow window":      {"window.go", "case text > w.size, !w.inOrder && f.isUseless:", "case !w.inOrder && f.isUseless:"},
		"who keeps nothing is to repeat something":   {"window.go", "w.inOrder = all && w.keeps", "w.inOrder = all"},
		"the text before is looked up too far":       {"compress.go", "\t\tif f.state != isPlain && f.state != isText {\n\t\t\tbreak\n\t\t}\n", ""},
		"a form is put where another one is":         {"form.go", "copy(c.forms[record:], forms)", "copy(c.forms[len(c.forms)-len(forms):], forms)"},
		"forms of a dropped chunk are kept":          {"compress.go", "if at.chunk < r.first {", "if false {"},
		"compressed forms of a dropped chunk count":  {"form.go", "int64(len(c.frames) + c.keyBytes + len(c.compressed) + formBytes*len(c.forms))", "int64(len(c.frames))"},
		"nothing": {"form.go", "const formBytes = 32", "const formBytes = 16 * 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			noticed, out := planted.Noticed(t, c.file, c.old, c.new, "-test.run=Peers|TheRingGoesOn")
			if noticed != (name != "nothing") {
				t.Errorf("noticed: %v\n%s", noticed, out)
			}
		})
	}
}
