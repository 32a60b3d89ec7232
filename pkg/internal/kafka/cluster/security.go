package cluster

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// dialTimeout bounds connecting to a broker, with the TLS handshake: it is franz-go's default.
const dialTimeout = 10 * time.Second

// security defines how clients connect to the brokers and log in.
type security struct {
	settings *config.Kafka
	connect  dialFunc
	tls      *brokerTLS  // nil without TLS
	tokens   tokenSource // of the proxy's own tokens; nil without tokens

	stop context.CancelFunc
	done chan struct{} // closed when none of its goroutines runs anymore
}

// newSecurity reads the certificates and starts keeping them up to date, until close.
func newSecurity(settings *config.Kafka, env Environment) (*security, error) {
	connect := env.Dial
	if connect == nil {
		connect = new(net.Dialer).DialContext
	}
	s := &security{settings: settings, connect: connect, done: make(chan struct{})}
	if strings.HasSuffix(settings.SecurityProtocol, "SSL") {
		var err error
		if s.tls, err = readBrokerTLS(settings, env); err != nil {
			return nil, err
		}
	}
	transport, err := newTokenTransport(settings, env)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.tokens = newTokenSource(life, settings, transport)
	go func() {
		defer close(s.done)
		var watching sync.WaitGroup
		watching.Go(func() { s.tls.watch(life) })
		watching.Go(func() { transport.watch(life) })
		watching.Wait()
		<-life.Done()
		if s.tokens != nil {
			s.tokens.wait()
		}
	}()
	return s, nil
}

// close ends the goroutines that keep certificates and tokens up to date. All clients are closed by now.
func (s *security) close() {
	s.stop()
	<-s.done
}

// options returns the options of a client for its connections and its login.
func (s *security) options(as Credentials) []kgo.Opt {
	options := []kgo.Opt{kgo.Dialer(s.dialTidy)}
	if login := s.login(as); login != nil {
		options = append(options, kgo.SASL(login))
	}
	return options
}

// dialTidy connects to a broker for a client.
func (s *security) dialTidy(ctx context.Context, network, address string) (net.Conn, error) {
	return withoutNullRecords(s.dial)(ctx, network, address)
}

// dial connects to a broker.
func (s *security) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := s.connect(ctx, network, address)
	if err != nil || s.tls == nil {
		return conn, err
	}
	return s.tls.encrypt(ctx, conn, address)
}

// Reasons why a client's credentials cannot be used, whatever their owner.
var (
	errNoLogin  = errors.New("this proxy does not authenticate itself with Kafka, and so nobody else")
	errNoSecret = errors.New("a user name and a password are needed, both without control characters")
	errNoToken  = errors.New("the token holds characters that no token has")
	errTokens   = errors.New("this proxy uses tokens with Kafka, not passwords")
)

// usable reports, as an error, why a client's credentials cannot be sent to Kafka at all.
func (s *security) usable(c proxy.KafkaCredentials) error {
	switch {
	case c.IsZero():
		return nil
	case !strings.HasPrefix(s.settings.SecurityProtocol, "SASL_"):
		return errNoLogin
	case c.Token != "":
		return checkToken(c.Token)
	case c.Username == "" || c.Password == "" || strings.ContainsFunc(c.Username+c.Password, unicode.IsControl):
		return errNoSecret
	case s.settings.SASLMechanism == bearerMechanism:
		return errTokens
	default:
		return nil
	}
}

// checkToken checks the syntax of a token (b64token of RFC 6750, section 2.1).
func checkToken(token string) error {
	other := func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("-._~+/=", r)
	}
	if token == "" || strings.ContainsFunc(token, other) {
		return errNoToken
	}
	return nil
}
