package main

import (
	"maps"
	"strings"
	"testing"
)

// TestSumSharesFindsTheOwnerOfEachStack reads what go tool pprof -traces prints.
func TestSumSharesFindsTheOwnerOfEachStack(t *testing.T) {
	const ours = "github.com/wsproxy/kafka-websocket-proxy/pkg/internal/"
	traces := `File: wsproxy
Duration: 1s, Total samples = 190ms
-----------+-------------------------------------------------------
      20ms   ` + ours + `codec.special (inline)
             ` + ours + `socket.(*Conn).writeLoop
-----------+-------------------------------------------------------
     100ms   internal/runtime/syscall/linux.Syscall6
             ` + ours + `socket.(*Conn).writeLoop
-----------+-------------------------------------------------------
      30ms   runtime.memmove
             bytes.(*Buffer).Write
             github.com/twmb/franz-go/pkg/kgo.(*source).fetch
-----------+-------------------------------------------------------
      30ms   runtime.scanobject
             runtime.gcDrain
-----------+-------------------------------------------------------
      10ms   crypto/internal/fips140/aes/gcm.gcmAesEnc
             ` + ours + `socket.(*Conn).writeLoop
-----------+-------------------------------------------------------
`
	s, err := sumShares(strings.NewReader(traces))
	if err != nil {
		t.Fatal(err)
	}
	percent := make(map[owner]int)
	for o, seconds := range s.of {
		percent[o] = int(1000*seconds + 0.5)
	}
	want := map[owner]int{codecOwner: 20, kernelOwner: 100, kafkaOwner: 30, runtimeOwner: 30, tlsOwner: 10}
	if !maps.Equal(percent, want) {
		t.Errorf("got the milliseconds %v, want %v", percent, want)
	}
}

func TestSumSharesOfAProfileWithoutSamples(t *testing.T) {
	if s, err := sumShares(strings.NewReader("File: wsproxy\n-----------+---\n")); err != nil || s.seconds != 0 {
		t.Errorf("got %v, %v", s, err)
	}
}
