package kafka

import (
	"bytes"
	"strings"
	"testing"
)

func TestPropertiesText(t *testing.T) {
	got := propertiesText(map[string]string{
		"b":       "two words = 2",
		"a":       `C:\logs`,
		"c:d e=f": "line\nbreak",
	})
	want := "a=C:\\\\logs\nb=two words = 2\nc\\:d\\ e\\=f=line\\nbreak\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMajorVersion(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"17":          {`openjdk version "17.0.15" 2025-04-15`, 17},
		"25":          {"NOTE: picked up options\nopenjdk version \"25\" 2025-09-16", 25},
		"8":           {`java version "1.8.0_402"`, 1},
		"not a Java":  {"command not found", 0},
		"empty":       {"", 0},
		"many digits": {`version "99999999999999999999"`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := majorVersion(c.text); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestTail(t *testing.T) {
	if got := tail("a\nb\n"); got != "a\nb" {
		t.Errorf("of a short text: %q", got)
	}
	if got, want := tail(strings.Repeat("x\n", tailLines)+"last\n"), strings.Repeat("x\n", tailLines-1)+"last"; got != want {
		t.Errorf("of a long text: %q", got)
	}
}

func TestReadBrokerCount(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   int
		fails  bool
	}{
		"one broker":         {"\x00\x00\x00\x08\x00\x00\x00\x07\x00\x00\x00\x01", 1, false},
		"still joining":      {"\x00\x00\x00\x08\x00\x00\x00\x07\x00\x00\x00\x00", 0, false},
		"cut":                {"\x00\x00\x00\x08\x00\x00\x00\x07\x00\x00\x00", 0, true},
		"not Kafka":          {"HTTP/1.1 400 Bad Request\r\n", 0, true},
		"nothing":            {"", 0, true},
		"no list of brokers": {"\x00\x00\x00\x08\x00\x00\x00\x07\xff\xff\xff\xff", -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readBrokerCount(bytes.NewReader([]byte(c.answer)))
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

func TestHeapIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		heap, want int
		fails      bool
	}{
		"default":    {0, defaultHeapMiB, false},
		"the least":  {minHeapMiB, minHeapMiB, false},
		"too little": {minHeapMiB - 1, minHeapMiB - 1, true},
		"negative":   {-1, -1, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Options{HeapMiB: c.heap}.completed()
			if got.HeapMiB != c.want || (err != nil) != c.fails {
				t.Errorf("got %d, %v", got.HeapMiB, err)
			}
		})
	}
}
