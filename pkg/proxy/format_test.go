package proxy

import (
	"strings"
	"testing"
)

func TestParseFormat(t *testing.T) {
	for name, want := range map[string]Format{
		"json": FormatJSON, "avro": FormatAvro, "bytearray": FormatByteArray, "byte_array": FormatByteArray,
		"string": FormatString, "int": FormatInt, "short": FormatShort, "long": FormatLong,
		"double": FormatDouble, "float": FormatFloat,
		"JSON": FormatJSON, "ByteArray": FormatByteArray, "BYTE_ARRAY": FormatByteArray, "sTRING": FormatString,
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseFormat(name); err != nil || got != want {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
	for name, text := range map[string]string{
		"nothing": "", "unknown": "integer", "space": "int ", "number": "1", "dash": "byte-array", "beyond the last": "format(10)",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseFormat(text)
			if err == nil || got != FormatNone || !strings.Contains(err.Error(), FormatNames) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestFormatNames(t *testing.T) {
	names := strings.Split(FormatNames, ", ")
	if len(names) != int(formatCount)-1 {
		t.Fatalf("%d names for %d formats", len(names), formatCount-1)
	}
	for i, name := range names {
		if f := Format(i + 1); f.String() != name {
			t.Errorf("format %d is %q in print, %q in FormatNames", i+1, f, name)
		}
	}
	if FormatNone.String() != "" || Format(99).String() != "format(99)" {
		t.Errorf("none prints %q, an unknown one %q", FormatNone, Format(99))
	}
}
