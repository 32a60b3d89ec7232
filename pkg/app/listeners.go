package app

import (
	"net"
	"strconv"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/console"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/server"
)

// openListeners opens all listeners, so that a fault is detected before any other component is started.
// The error of faulty certificates is a *ConfigError.
func (a *App) openListeners(o Options, m *metrics.Metrics) error {
	certificates, err := a.openCertificates(m)
	if err != nil {
		return err
	}
	a.certificates = certificates
	settings := &a.config.Server
	forManagement := certificates
	if !settings.AdminSSLEnabled {
		forManagement = nil
	}
	if a.management, err = a.listen(o, settings.AdminBindInterface, settings.AdminPort, forManagement); err != nil {
		return err
	}
	if !settings.SSLOnly {
		if a.main, err = a.listen(o, settings.BindInterface, settings.Port, nil); err != nil {
			return err
		}
	}
	if certificates != nil {
		a.secure, err = a.listen(o, settings.SSLBindInterface, settings.SSLPort, certificates)
	}
	return err
}

// openCertificates reads the certificates and rereads their files on changes. It returns nil without TLS.
func (a *App) openCertificates(m *metrics.Metrics) (*server.Certificates, error) {
	settings := &a.config.Server
	if !settings.SSLEnabled {
		return nil, nil
	}
	certificates, err := server.OpenCertificates(server.CertificateOptions{
		CertFile: settings.SSLCertFile, KeyFile: settings.SSLKeyFile, ClientCAFile: settings.SSLClientCAFile,
		Failed: func(setting string) { m.ReloadErrors(setting).Inc() }, Log: a.log,
	})
	if err != nil {
		return nil, &ConfigError{err}
	}
	m.CertificateEnds("main", certificates.End)
	if settings.AdminSSLEnabled {
		m.CertificateEnds("management", certificates.End)
	}
	a.background(certificates.Watch)
	return certificates, nil
}

// serve starts answering requests on all listeners, and questions of other replicas.
func (a *App) serve(s *server.Server) {
	s.Sessions.ReportBy(s.Report)
	a.management.serve(s.Management(), a.failed)
	if a.main != nil {
		a.main.serve(s.Main(), a.failed)
	}
	if a.secure != nil {
		a.secure.serve(s.Main(), a.failed)
	}
}

// Addr returns the address of the main listener without TLS, or if there is none, of that with TLS.
func (a *App) Addr() string {
	if a.main == nil {
		return a.TLSAddr()
	}
	return a.main.socket.Addr().String()
}

// TLSAddr returns the address of the main listener with TLS. It is empty if there is none.
func (a *App) TLSAddr() string {
	if a.secure == nil {
		return ""
	}
	return a.secure.socket.Addr().String()
}

// AdminAddr returns the address of the management listener.
func (a *App) AdminAddr() string { return a.management.socket.Addr().String() }

// Schemes returns the schemes of URLs for Addr and AdminAddr: http or https.
func (a *App) Schemes() (main, management string) {
	main, management = "http", "http"
	if a.main == nil {
		main = "https"
	}
	if a.config.Server.AdminSSLEnabled {
		management = "https"
	}
	return main, management
}

// consoleClients returns where clients reach the main listener, as the web console shows it.
func (a *App) consoleClients() console.Clients {
	_, text, _ := net.SplitHostPort(a.Addr()) // of a listener
	port, _ := strconv.Atoi(text)             // 0 for a listener without ports, as in tests
	return console.Clients{Port: port, TLS: a.main == nil, Prefix: a.config.Server.PathPrefix}
}
