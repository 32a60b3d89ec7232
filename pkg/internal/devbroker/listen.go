package devbroker

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// PortInUseError says that another program listens on the port asked for.
type PortInUseError struct {
	Host    string
	Port    int
	Setting string // how a user chooses another port; may be empty
}

// Error tells how to choose another port.
func (e *PortInUseError) Error() string {
	with := ""
	if e.Setting != "" {
		with = " with " + e.Setting
	}
	return fmt.Sprintf("port %d of %s is in use: stop the program that listens there, "+
		"or choose another port%s (0 takes any that is free)", e.Port, e.Host, with)
}

func explain(err error, o Options) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return &PortInUseError{Host: o.Host, Port: o.Port, Setting: o.PortSetting}
	}
	return err
}

// listenOn returns a net.Listen that listens on host, whatever host kfake asks for, and says
// that it is at advertise, if that is not empty.
func listenOn(host, advertise string) func(network, address string) (net.Listener, error) {
	return func(network, address string) (net.Listener, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		ln, err := net.Listen(network, net.JoinHostPort(host, port))
		if err != nil {
			return nil, err
		}
		return advertised{ln, advertise, loopbackFor(host)}, nil
	}
}

// loopbackFor is the loopback address of a wildcard's family. The socket's address does not tell the
// family: with either wildcard it accepts both families where the machine has them.
func loopbackFor(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return net.IPv6loopback.String()
	}
	return DefaultHost
}

// advertised is a listener whose address is one that clients can connect to: kfake
// advertises the listener's address, and nobody can connect to 0.0.0.0 from elsewhere.
type advertised struct {
	net.Listener

	at       string // host:port, or empty
	loopback string // in place of a wildcard
}

// Addr returns what is advertised. By default this replaces a wildcard by the loopback address, at which
// a port that is published from a container is reached.
func (a advertised) Addr() net.Addr {
	if a.at != "" {
		return hostPort(a.at)
	}
	tcp, ok := a.Listener.Addr().(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.Listener.Addr()
	}
	return hostPort(net.JoinHostPort(a.loopback, strconv.Itoa(tcp.Port)))
}

type hostPort string

func (hostPort) Network() string  { return "tcp" }
func (h hostPort) String() string { return string(h) }
