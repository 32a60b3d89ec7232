package server

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// read is what a handshake makes of a query string.
func readQuery(t *testing.T, path, raw string) (flow, *proxy.Error) {
	t.Helper()
	s := newServer(t, &config.Config{})
	parse := s.parseIn
	if path == "/socket/out" {
		parse = s.parseOut
	}
	q := parseQuery(raw)
	q.choice("handshakeErrors", "status", "close")
	f := parse(q, new(proxy.Identity))
	return f, q.err()
}

func TestQueryRefuses(t *testing.T) {
	const in, out, good = "/socket/in", "/socket/out", "clientId=c&topic=t&"
	long := strings.Repeat("ä", proxy.MaxIdentifier+1)
	for name, test := range map[string]struct {
		path, query string
		kind        proxy.Kind
		says        string
	}{
		"nothing":                     {in, "", proxy.KindMissingParameter, "clientId: is required."},
		"no topic":                    {out, "clientId=c", proxy.KindMissingParameter, "topic: is required."},
		"empty is missing":            {in, "clientId=&topic=t", proxy.KindMissingParameter, "clientId: is required."},
		"doubled":                     {in, "clientId=a&clientId=b&topic=t", proxy.KindInvalidParameter, "clientId: is given more than once."},
		"doubled, the first empty":    {in, "clientId=&clientId=b&topic=t", proxy.KindInvalidParameter, "clientId: is given more than once."},
		"long clientId":               {in, "topic=t&clientId=" + long, proxy.KindInvalidParameter, "clientId: must have 1 to 249 characters."},
		"long groupId":                {out, good + "groupId=" + long, proxy.KindInvalidParameter, "groupId: must have 1 to 249"},
		"long instanceId":             {in, good + "instanceId=" + long, proxy.KindInvalidParameter, "instanceId: must have 1 to 249"},
		"control character":           {in, "topic=t&clientId=a%00b", proxy.KindInvalidParameter, "clientId: must be UTF-8 without control characters."},
		"C1 control character":        {in, "topic=t&clientId=a%C2%85b", proxy.KindInvalidParameter, "clientId: must be UTF-8"},
		"not UTF-8":                   {out, good + "groupId=%FF", proxy.KindInvalidParameter, "groupId: must be UTF-8"},
		"topic with a slash":          {in, "clientId=c&topic=a/b", proxy.KindInvalidParameter, "topic: must be a Kafka topic name"},
		"topic is a dot":              {in, "clientId=c&topic=.", proxy.KindInvalidParameter, "topic: must be"},
		"topic is two dots":           {in, "clientId=c&topic=..", proxy.KindInvalidParameter, "topic: must be"},
		"long topic":                  {in, "clientId=c&topic=" + strings.Repeat("t", 250), proxy.KindInvalidParameter, "topic: must be"},
		"topic not ASCII":             {in, "clientId=c&topic=%C3%A4", proxy.KindInvalidParameter, "topic: must be"},
		"unknown keyType":             {in, good + "keyType=integer", proxy.KindInvalidParameter, "keyType: must be one of json, avro"},
		"unknown valType":             {out, good + "valType=x", proxy.KindInvalidParameter, "valType: must be one of"},
		"unknown payload":             {in, good + "socketPayload=xml", proxy.KindInvalidParameter, "socketPayload: must be one of json, avro."},
		"transactional":               {in, good + "instanceId=i&transactional=true", proxy.KindInvalidParameter, "transactional: is not available"},
		"transactional for nobody":    {in, good + "transactional=true", proxy.KindMissingParameter, "instanceId: is required."},
		"transactional no boolean":    {in, good + "transactional=1", proxy.KindInvalidParameter, "transactional: must be one of false, true."},
		"unknown strategy":            {out, good + "offsetResetStrategy=newest", proxy.KindInvalidParameter, "offsetResetStrategy: must be one of earliest, latest, none."},
		"unknown isolation":           {out, good + "isolationLevel=x", proxy.KindInvalidParameter, "isolationLevel: must be one of read_uncommitted, read_committed."},
		"autoCommit no boolean":       {out, good + "autoCommit=yes", proxy.KindInvalidParameter, "autoCommit: must be one of true, false."},
		"rate of zero":                {out, good + "rate=0", proxy.KindInvalidParameter, "rate: must be a whole number from 1 to 2147483647."},
		"negative rate":               {out, good + "rate=-1", proxy.KindInvalidParameter, "rate: must be"},
		"fractional rate":             {out, good + "rate=1.5", proxy.KindInvalidParameter, "rate: must be"},
		"huge batchSize":              {out, good + "batchSize=2147483648", proxy.KindInvalidParameter, "batchSize: must be"},
		"a limit of too little":       {out, good + "maxMessageBytes=1023", proxy.KindInvalidParameter, "maxMessageBytes: must be a whole number from 1024 to 2147483647."},
		"a limit that is no number":   {out, good + "maxMessageBytes=1MiB", proxy.KindInvalidParameter, "maxMessageBytes: must be"},
		"a limit beyond int":          {out, good + "maxMessageBytes=2147483648", proxy.KindInvalidParameter, "maxMessageBytes: must be"},
		"a limit under Avro":          {out, good + "maxMessageBytes=1024&socketPayload=avro", proxy.KindInvalidParameter, "maxMessageBytes: is not available with socketPayload=avro"},
		"negative credit":             {out, good + "credit=-1", proxy.KindInvalidParameter, "credit: must be a whole number from 0 to 9223372036854775807."},
		"credit of minus nothing":     {out, good + "credit=-0", proxy.KindInvalidParameter, "credit: must be"},
		"credit that is no number":    {out, good + "credit=all", proxy.KindInvalidParameter, "credit: must be"},
		"fractional credit":           {out, good + "credit=1.5", proxy.KindInvalidParameter, "credit: must be"},
		"huge credit":                 {out, good + "credit=9223372036854775808", proxy.KindInvalidParameter, "credit: must be"},
		"doubled credit":              {out, good + "credit=1&credit=2", proxy.KindInvalidParameter, "credit: is given more than once."},
		"unknown longs":               {out, good + "longs=text", proxy.KindInvalidParameter, "longs: must be one of number, string."},
		"doubled longs":               {out, good + "longs=number&longs=string", proxy.KindInvalidParameter, "longs: is given more than once."},
		"unknown handshakeErrors":     {in, good + "handshakeErrors=x", proxy.KindInvalidParameter, "handshakeErrors: must be one of status, close."},
		"malformed escape":            {in, good + "x=%zz", proxy.KindInvalidParameter, "The query string is not well-formed: parameters are between &, and a % or ; of a value is written %25 or %3B."},
		"semicolon":                   {in, "clientId=c;topic=t", proxy.KindInvalidParameter, "The query string is not well-formed: parameters are between &, and a % or ; of a value is written %25 or %3B."},
		"the first by name, of two":   {out, "clientId=c&valType=x&keyType=y&topic=t", proxy.KindInvalidParameter, "keyType:"},
		"the first by name, not kind": {out, "clientId=c&autoCommit=x", proxy.KindInvalidParameter, "autoCommit:"},
		"a token":                     {in, good + "access_token=x", proxy.KindInvalidParameter, "access_token: credentials do not belong into the URL"},
		"a password, in capitals":     {in, good + "PassWord=x", proxy.KindInvalidParameter, "PassWord: credentials"},
		"a token with dashes":         {out, good + "x-kafka-auth=x", proxy.KindInvalidParameter, "x-kafka-auth: credentials"},
		"an empty credential":         {in, good + "token", proxy.KindInvalidParameter, "token: credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			_, e := readQuery(t, test.path, test.query)
			if e == nil {
				t.Fatal("accepted")
			}
			if e.Kind != test.kind || !strings.HasPrefix(e.Message, test.says) {
				t.Errorf("got %s %q, want %s %q", e.Kind, e.Message, test.kind, test.says)
			}
		})
	}
}

func TestQueryAccepts(t *testing.T) {
	for name, test := range map[string]struct {
		path, query  string
		topic, group string
	}{
		"the least, in":          {"/socket/in", "clientId=c&topic=t", "t", ""},
		"the least, out":         {"/socket/out", "clientId=c&topic=t", "t", "c-group"},
		"a group":                {"/socket/out", "clientId=c&topic=t&groupId=a/b%20c", "t", "a/b c"},
		"an empty group":         {"/socket/out", "clientId=c&topic=t&groupId=", "t", "c-group"},
		"unknown, even doubled":  {"/socket/in", "clientId=c&topic=t&x=1&x=2", "t", ""},
		"of the other direction": {"/socket/in", "clientId=c&topic=t&rate=0&batchSize=x&longs=x&maxMessageBytes=x&credit=x", "t", ""},
		"case of values": {
			"/socket/out", "clientId=c&topic=t&keyType=INT&valType=Byte_Array&autoCommit=FALSE&offsetResetStrategy=Latest&isolationLevel=READ_COMMITTED&socketPayload=JSON&longs=String", "t", "c-group",
		},
		"transactional=false":        {"/socket/in", "clientId=c&topic=t&transactional=false&instanceId=i", "t", ""},
		"longest, in characters":     {"/socket/in", "topic=" + strings.Repeat("t", 249) + "&clientId=" + strings.Repeat("%C3%A4", 249), strings.Repeat("t", 249), ""},
		"numbers":                    {"/socket/out", "clientId=c&topic=t&rate=1&batchSize=2147483647&maxMessageBytes=1024", "t", "c-group"},
		"no credit yet":              {"/socket/out", "clientId=c&topic=t&credit=0", "t", "c-group"},
		"the most credit":            {"/socket/out", "clientId=c&topic=t&credit=9223372036854775807", "t", "c-group"},
		"an empty credit":            {"/socket/out", "clientId=c&topic=t&credit=", "t", "c-group"},
		"a name that only begins so": {"/socket/in", "clientId=c&topic=t&tokens=1", "t", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, e := readQuery(t, test.path, test.query)
			if e != nil {
				t.Fatal(e)
			}
			if f.topic != test.topic || string(f.group) != test.group {
				t.Errorf("got topic %q, group %q", f.topic, f.group)
			}
		})
	}
}

func TestLower(t *testing.T) {
	for _, test := range []struct{ a, b, want int }{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 3, 3}, {3, 5, 3}} {
		if got := lower(test.a, test.b); got != test.want {
			t.Errorf("lower(%d, %d) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
