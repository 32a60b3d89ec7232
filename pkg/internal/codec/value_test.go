package codec

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestValueFormats(t *testing.T) {
	for name, test := range map[string]struct {
		format proxy.Format
		text   string // on the socket
		bytes  string // in Kafka
		back   string // on the socket again, text if empty
	}{
		"string":                {proxy.FormatString, `"bar"`, "bar", ""},
		"string empty":          {proxy.FormatString, `""`, "", ""},
		"string escapes":        {proxy.FormatString, `"\"\\\/\b\f\n\r\t\u0000\u001f\u00e9\ud83d\ude00"`, "\"\\/\b\f\n\r\t\x00\x1fé😀", `"\"\\/\b\f\n\r\t\u0000\u001fé😀"`},
		"string multibyte":      {proxy.FormatString, "\"é€😀\u2028\x7f\ufffd\"", "é€😀\u2028\x7f\ufffd", ""},
		"string of a number":    {proxy.FormatString, `"12"`, "12", ""},
		"json object":           {proxy.FormatJSON, "{ \"b\":1.0,\n\"a\" : [\"\\u00e9\\/\"],\"b\":2 }", "{ \"b\":1.0,\n\"a\" : [\"\\u00e9\\/\"],\"b\":2 }", ""},
		"json string":           {proxy.FormatJSON, `"a\nb"`, `"a\nb"`, ""},
		"json lone surrogate":   {proxy.FormatJSON, `"\ud800"`, `"\ud800"`, ""},
		"json number":           {proxy.FormatJSON, `12345678901234567890.10e+005`, `12345678901234567890.10e+005`, ""},
		"json bool":             {proxy.FormatJSON, `true`, `true`, ""},
		"json at the limit":     {proxy.FormatJSON, strings.Repeat("[", 512) + strings.Repeat("]", 512), strings.Repeat("[", 512) + strings.Repeat("]", 512), ""},
		"bytearray":             {proxy.FormatByteArray, `"+/8A"`, "\xfb\xff\x00", ""},
		"bytearray empty":       {proxy.FormatByteArray, `""`, "", ""},
		"bytearray one pad":     {proxy.FormatByteArray, `"AQI="`, "\x01\x02", ""},
		"bytearray two pads":    {proxy.FormatByteArray, `"AQ=="`, "\x01", ""},
		"bytearray PHP slashes": {proxy.FormatByteArray, `"+\/8A"`, "\xfb\xff\x00", `"+/8A"`},
		"bytearray escaped":     {proxy.FormatByteArray, `"\u0041Q=\u003d"`, "\x01", `"AQ=="`},
		"avro":                  {proxy.FormatAvro, `"AQID"`, "\x01\x02\x03", ""},
		"int":                   {proxy.FormatInt, `16909060`, "\x01\x02\x03\x04", ""},
		"int least":             {proxy.FormatInt, `-2147483648`, "\x80\x00\x00\x00", ""},
		"int most":              {proxy.FormatInt, `2147483647`, "\x7f\xff\xff\xff", ""},
		"int with a point":      {proxy.FormatInt, `1.0`, "\x00\x00\x00\x01", `1`},
		"int with an exponent":  {proxy.FormatInt, `-1e2`, "\xff\xff\xff\x9c", `-100`},
		"int minus zero":        {proxy.FormatInt, `-0`, "\x00\x00\x00\x00", `0`},
		"short":                 {proxy.FormatShort, `258`, "\x01\x02", ""},
		"short least":           {proxy.FormatShort, `-32768`, "\x80\x00", ""},
		"short most":            {proxy.FormatShort, `32767`, "\x7f\xff", ""},
		"long":                  {proxy.FormatLong, `72623859790382856`, "\x01\x02\x03\x04\x05\x06\x07\x08", ""},
		"long least":            {proxy.FormatLong, `-9223372036854775808`, "\x80\x00\x00\x00\x00\x00\x00\x00", ""},
		"long most":             {proxy.FormatLong, `9223372036854775807`, "\x7f\xff\xff\xff\xff\xff\xff\xff", ""},
		"long as a string":      {proxy.FormatLong, `"9007199254740993"`, "\x00\x20\x00\x00\x00\x00\x00\x01", `9007199254740993`},
		"long as an odd string": {proxy.FormatLong, `"-\u0031.0"`, "\xff\xff\xff\xff\xff\xff\xff\xff", `-1`},
		"double":                {proxy.FormatDouble, `1.5`, "\x3f\xf8\x00\x00\x00\x00\x00\x00", ""},
		"double integer":        {proxy.FormatDouble, `1`, "\x3f\xf0\x00\x00\x00\x00\x00\x00", ""},
		"double minus zero":     {proxy.FormatDouble, `-0`, "\x80\x00\x00\x00\x00\x00\x00\x00", ""},
		"double most":           {proxy.FormatDouble, `1.7976931348623157e+308`, "\x7f\xef\xff\xff\xff\xff\xff\xff", ""},
		"double least":          {proxy.FormatDouble, `5e-324`, "\x00\x00\x00\x00\x00\x00\x00\x01", ""},
		"double small":          {proxy.FormatDouble, `1e-7`, "\x3e\x7a\xd7\xf2\x9a\xbc\xaf\x48", ""},
		"double large":          {proxy.FormatDouble, `1e+21`, "\x44\x4b\x1a\xe4\xd6\xe2\xef\x50", ""},
		"double not so large":   {proxy.FormatDouble, `1E20`, "\x44\x15\xaf\x1d\x78\xb5\x8c\x40", `100000000000000000000`},
		"double rounds":         {proxy.FormatDouble, `0.1000000000000000055511151231257827`, "\x3f\xb9\x99\x99\x99\x99\x99\x9a", `0.1`},
		"double vanishes":       {proxy.FormatDouble, `1e-400`, "\x00\x00\x00\x00\x00\x00\x00\x00", `0`},
		"double NaN":            {proxy.FormatDouble, `"NaN"`, "\x7f\xf8\x00\x00\x00\x00\x00\x00", ""},
		"double Infinity":       {proxy.FormatDouble, `"Infinity"`, "\x7f\xf0\x00\x00\x00\x00\x00\x00", ""},
		"double minus Infinity": {proxy.FormatDouble, `"-Infinity"`, "\xff\xf0\x00\x00\x00\x00\x00\x00", ""},
		"float":                 {proxy.FormatFloat, `1.5`, "\x3f\xc0\x00\x00", ""},
		"float shortest":        {proxy.FormatFloat, `0.1`, "\x3d\xcc\xcc\xcd", ""},
		"float most":            {proxy.FormatFloat, `3.4028235e+38`, "\x7f\x7f\xff\xff", ""},
		"float least":           {proxy.FormatFloat, `1e-45`, "\x00\x00\x00\x01", ""},
		"float rounds once":     {proxy.FormatFloat, `1.000000059604644775390626`, "\x3f\x80\x00\x01", `1.0000001`},
		"float NaN":             {proxy.FormatFloat, `"NaN"`, "\x7f\xc0\x00\x00", ""},
		"float Infinity":        {proxy.FormatFloat, `"\u0049nfinity"`, "\x7f\x80\x00\x00", `"Infinity"`},
		"float minus Infinity":  {proxy.FormatFloat, `"-Infinity"`, "\xff\x80\x00\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := decodeOne(t, InSettings{}, `{"value":{"value":`+test.text+`,"format":"`+test.format.String()+`"}}`)
			if m.Err != nil || string(m.Record.Value) != test.bytes {
				t.Fatalf("in: got %x (%v), want %x", m.Record.Value, m.Err, test.bytes)
			}
			if test.back == "" {
				test.back = test.text
			}
			frame, undecodable := NewJSONOut(OutSettings{ValueFormat: test.format}).AppendRecord(nil, &m.Record)
			want := `"value":{"value":` + test.back + `,"format":"` + test.format.String() + `"}}`
			if undecodable || !strings.HasSuffix(string(frame), want) {
				t.Errorf("out: got %s, want it to end with %s", frame, want)
			}
		})
	}
}

func TestValueRefused(t *testing.T) {
	for name, test := range map[string]struct {
		format proxy.Format
		text   string
		reason string
	}{
		"string number":            {proxy.FormatString, `1`, "is not a string"},
		"string bool":              {proxy.FormatString, `true`, "is not a string"},
		"string object":            {proxy.FormatString, `{}`, "is not a string"},
		"string high surrogate":    {proxy.FormatString, `"a\ud800"`, "surrogate"},
		"string low surrogate":     {proxy.FormatString, `"\udc00a"`, "surrogate"},
		"string swapped pair":      {proxy.FormatString, `"\udc00\ud800"`, "surrogate"},
		"json too deep":            {proxy.FormatJSON, strings.Repeat("[", 513) + strings.Repeat("]", 513), "deeper than 512"},
		"bytearray number":         {proxy.FormatByteArray, `1`, "base64"},
		"bytearray no padding":     {proxy.FormatByteArray, `"AQ"`, "base64"},
		"bytearray short padding":  {proxy.FormatByteArray, `"AQ="`, "base64"},
		"bytearray padding only":   {proxy.FormatByteArray, `"===="`, "base64"},
		"bytearray after padding":  {proxy.FormatByteArray, `"AQ==AQ=="`, "base64"},
		"bytearray URL alphabet":   {proxy.FormatByteArray, `"-_8A"`, "base64"},
		"bytearray space":          {proxy.FormatByteArray, `"AQID "`, "base64"},
		"bytearray line end":       {proxy.FormatByteArray, `"AQID\n"`, "base64"},
		"bytearray carriage":       {proxy.FormatByteArray, `"AQ\r\nID"`, "base64"},
		"bytearray trailing bits":  {proxy.FormatByteArray, `"AR=="`, "base64"},
		"bytearray lone surrogate": {proxy.FormatByteArray, `"\ud800"`, "base64"},
		"avro object":              {proxy.FormatAvro, `{"a":1}`, "base64"},
		"int too large":            {proxy.FormatInt, `2147483648`, "from -2147483648 to 2147483647"},
		"int too small":            {proxy.FormatInt, `-2147483649`, "from -2147483648"},
		"int far too large":        {proxy.FormatInt, `1e1000000000000`, "from -2147483648"},
		"int fraction":             {proxy.FormatInt, `1.5`, "integer"},
		"int string":               {proxy.FormatInt, `"1"`, "integer"},
		"short too large":          {proxy.FormatShort, `32768`, "from -32768 to 32767"},
		"short too small":          {proxy.FormatShort, `-32769`, "from -32768"},
		"short array":              {proxy.FormatShort, `[1]`, "integer"},
		"long too large":           {proxy.FormatLong, `9223372036854775808`, "9223372036854775807"},
		"long too small":           {proxy.FormatLong, `-9223372036854775809`, "integer"},
		"long empty string":        {proxy.FormatLong, `""`, "integer"},
		"long word":                {proxy.FormatLong, `"one"`, "integer"},
		"long spaced string":       {proxy.FormatLong, `" 1"`, "integer"},
		"long string and more":     {proxy.FormatLong, `"1 "`, "integer"},
		"long leading zero":        {proxy.FormatLong, `"01"`, "integer"},
		"long plus":                {proxy.FormatLong, `"+1"`, "integer"},
		"long string too large":    {proxy.FormatLong, `"9223372036854775808"`, "integer"},
		"long bool":                {proxy.FormatLong, `true`, "integer"},
		"double too large":         {proxy.FormatDouble, `1e309`, "double"},
		"double rounds to inf":     {proxy.FormatDouble, `1.7976931348623159e308`, "double"},
		"double other string":      {proxy.FormatDouble, `"1.5"`, `"NaN"`},
		"double lower case":        {proxy.FormatDouble, `"nan"`, `"NaN"`},
		"double plus infinity":     {proxy.FormatDouble, `"+Infinity"`, `"Infinity"`},
		"double bool":              {proxy.FormatDouble, `false`, "double"},
		"float too large":          {proxy.FormatFloat, `3.5e38`, "float"},
		"float minus too large":    {proxy.FormatFloat, `-1e39`, "float"},
		"float array":              {proxy.FormatFloat, `[]`, "float"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, member := range []string{"key", "value"} {
				m := decodeOne(t, InSettings{}, `{"value":null,"`+member+`":{"value":`+test.text+`,"format":"`+test.format.String()+`"}}`)
				start := member + ".value does not fit format " + test.format.String() + ": "
				if m.Err == nil || m.Err.Kind != proxy.KindInvalidValue || !strings.HasPrefix(m.Err.Message, start) || !strings.Contains(m.Err.Message, test.reason) {
					t.Errorf("got %v, want INVALID_VALUE: %s… %s", m.Err, start, test.reason)
				}
			}
		})
	}
}
