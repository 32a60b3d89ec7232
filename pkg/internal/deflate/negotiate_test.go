package deflate

import "testing"

func TestNegotiate(t *testing.T) {
	const plain = "permessage-deflate; client_no_context_takeover"
	const independent = plain + "; server_no_context_takeover"
	for _, test := range []struct {
		name   string
		offers []string
		want   string // no agreement if empty
	}{
		{"no header", nil, ""},
		{"an empty header", []string{""}, ""},
		{"empty elements", []string{" , ,, "}, ""},
		{"nothing but the name", []string{"permessage-deflate"}, plain},
		{"as Chromium offers it", []string{"permessage-deflate; client_max_window_bits"}, plain},
		{"as Firefox offers it", []string{"permessage-deflate"}, plain},
		{"as Safari offered it", []string{"x-webkit-deflate-frame"}, ""},
		{"without white space", []string{"permessage-deflate;client_max_window_bits=10;server_no_context_takeover"}, independent},
		{"with much white space", []string{" \tpermessage-deflate ;\tserver_no_context_takeover ; client_max_window_bits = 15 "}, independent},
		{"the client asks for what is always agreed on", []string{"permessage-deflate; client_no_context_takeover"}, plain},
		{"the server is asked for no context", []string{"permessage-deflate; server_no_context_takeover"}, independent},

		{"a window of the client", []string{"permessage-deflate; client_max_window_bits=8"}, plain},
		{"a quoted window", []string{`permessage-deflate; client_max_window_bits="12"`}, plain},
		{"a quoted window with an escape", []string{`permessage-deflate; client_max_window_bits="1\2"`}, plain},
		{"the widest window of the server", []string{"permessage-deflate; server_max_window_bits=15"}, plain + "; server_max_window_bits=15"},
		{"the widest window of the server, quoted", []string{`permessage-deflate; server_max_window_bits="15"`}, plain + "; server_max_window_bits=15"},
		{"a smaller window of the server", []string{"permessage-deflate; server_max_window_bits=14"}, plain + "; server_max_window_bits=14"},
		{"as websockets for Python offers it", []string{"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"}, plain + "; server_max_window_bits=12"},
		{"a window of the server that is too small", []string{"permessage-deflate; server_max_window_bits=11"}, ""},
		{"a window of the server without its size", []string{"permessage-deflate; server_max_window_bits"}, ""},
		{"a window too small", []string{"permessage-deflate; client_max_window_bits=7"}, ""},
		{"a window too wide", []string{"permessage-deflate; client_max_window_bits=16"}, ""},
		{"a leading zero", []string{"permessage-deflate; client_max_window_bits=09"}, ""},
		{"no number", []string{"permessage-deflate; client_max_window_bits=wide"}, ""},
		{"a value that may not be", []string{"permessage-deflate; server_no_context_takeover=1"}, ""},
		{"another value that may not be", []string{"permessage-deflate; client_no_context_takeover=true"}, ""},
		{"an unknown parameter", []string{"permessage-deflate; level=9"}, ""},
		{"a duplicate parameter", []string{"permessage-deflate; server_no_context_takeover; server_no_context_takeover"}, ""},
		{"a duplicate with another value", []string{"permessage-deflate; client_max_window_bits; client_max_window_bits=9"}, ""},

		{"the second offer", []string{"permessage-deflate; server_max_window_bits=9, permessage-deflate"}, plain},
		{"the first of two", []string{"permessage-deflate; server_no_context_takeover, permessage-deflate"}, independent},
		{"after another extension", []string{"permessage-bzip2; level=9, permessage-deflate"}, plain},
		{"in a second header", []string{"permessage-bzip2", "permessage-deflate"}, plain},
		{"between empty elements", []string{",, permessage-deflate ,"}, plain},

		{"a header that breaks off", []string{"permessage-deflate;"}, ""},
		{"a value that breaks off", []string{"permessage-deflate; client_max_window_bits="}, ""},
		{"quotes that are not closed", []string{`permessage-deflate; client_max_window_bits="12`}, ""},
		{"an escape that breaks off", []string{`permessage-deflate; client_max_window_bits="12\`}, ""},
		{"an empty quoted value", []string{`permessage-deflate; server_no_context_takeover=""`}, ""},
		{"white space in quotes", []string{`permessage-deflate; client_max_window_bits=" 12"`}, ""},
		{"a comma in quotes", []string{`x; y="1,permessage-deflate"`}, ""},
		{"a byte that no token has", []string{"permessage-deflate; client_max_window_bits@15"}, ""},
		{"a byte beyond ASCII", []string{"permessage-deflate\xa0"}, ""},
		{"no comma between two", []string{"permessage-bzip2 permessage-deflate"}, ""},
		{"a broken header before a right one", []string{"permessage-deflate;", "permessage-deflate"}, plain},
	} {
		t.Run(test.name, func(t *testing.T) {
			params, response, ok := Negotiate(test.offers)
			if response != test.want || ok != (test.want != "") {
				t.Errorf("the answer is %q, %t, want %q", response, ok, test.want)
			}
			if params.NoContextTakeover != (test.want == independent) {
				t.Errorf("the parameters are %+v", params)
			}
		})
	}
}

// FuzzNegotiate checks that what is agreed on is one of few answers, and is itself an offer that is accepted.
func FuzzNegotiate(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits")
	f.Add(`permessage-deflate; server_max_window_bits="15" , x; y="\1"`)
	f.Fuzz(func(t *testing.T, value string) {
		params, response, ok := Negotiate([]string{value})
		if !ok {
			if response != "" || params != (Params{}) {
				t.Fatalf("declined with %q, %+v", response, params)
			}
			return
		}
		again, same, ok := Negotiate([]string{response})
		if !ok || same != response || again != params {
			t.Fatalf("%q is not agreed on: %q, %+v", response, same, again)
		}
	})
}
