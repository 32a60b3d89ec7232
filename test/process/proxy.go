package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// ServeSettings are what every `wsproxy serve` of a test needs: any free ports of this machine
// and no pause before it shuts down.
func ServeSettings(broker string) []string {
	return []string{
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS=" + broker,
		"WSPROXY_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0",
		"WSPROXY_ADMIN_PORT=0",
		"WSPROXY_DRAIN_DELAY=0s",
	}
}

// Addresses returns where a proxy listens, for clients and for its management, as its log
// says. ok is false until it does.
func (p *Process) Addresses() (main, management string, ok bool) {
	l, ok := p.listening()
	return l.Main, l.Management, ok
}

// TLSAddress returns where a proxy listens with TLS, as its log says. It is empty without TLS, and
// until Addresses says ok.
func (p *Process) TLSAddress() string {
	l, _ := p.listening()
	return l.TLS
}

// listening is what the log says of the addresses.
type listening struct{ Msg, Main, TLS, Management string }

func (p *Process) listening() (l listening, ok bool) {
	for line := range strings.Lines(p.Stderr.String()) {
		var entry listening
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" {
			return entry, true
		}
	}
	return listening{}, false
}

// Status returns what a listener answers to a GET of a path, 0 if it does not.
func Status(address, path string) int {
	answer, err := http.Get("http://" + address + path)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

var errStatus = errors.New("the listener does not answer 200")

// Get returns what a listener answers to a GET of a path, asked on a connection of its own that is
// gone afterwards. Another status than 200 is an error.
func Get(address, path string, timeout time.Duration) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: timeout}
	answer, err := client.Get("http://" + address + path)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: %s", errStatus, answer.Status)
	}
	return string(text), err
}
