package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// ConfigError is the error of faulty settings; its text names every fault.
type ConfigError struct{ Faults error }

// Error implements error.
func (e *ConfigError) Error() string { return e.Faults.Error() }

// Unwrap returns the faults.
func (e *ConfigError) Unwrap() error { return e.Faults }

// LoadConfig reads the settings from the environment and logs the warnings. Variables in over,
// WSPROXY_NAME=value, take precedence over those of the environment; one without a value removes it.
// The error is a *ConfigError.
func LoadConfig(over []string, log *slog.Logger) (*config.Config, error) {
	settings, warnings, err := config.Load(config.Source{Over: over})
	for _, w := range warnings {
		log.Warn(w.String())
	}
	if err != nil {
		return nil, &ConfigError{err}
	}
	return settings, nil
}

// NewConfig makes settings from WSPROXY_NAME=value, without reading the environment: for tests, and for
// programs that embed a proxy. The error is a *ConfigError.
func NewConfig(settings ...string) (*config.Config, error) {
	c, _, err := config.Load(config.Source{Over: settings, Alone: true})
	if err != nil {
		return nil, &ConfigError{err}
	}
	return c, nil
}

// connectError wraps an error about a file that a setting names in a *ConfigError.
func connectError(err error) error {
	if _, ok := errors.AsType[*cluster.FileError](err); ok {
		return &ConfigError{err}
	}
	return err
}

// WriteConfig prints every setting with its value, its default and what it does.
func WriteConfig(w io.Writer) error {
	settings, warnings, err := config.Load(config.Source{})
	for _, warning := range warnings {
		_, _ = fmt.Fprintln(w, "warning:", warning)
	}
	if err != nil {
		return &ConfigError{err}
	}
	for _, door := range config.OpenDoors(settings) {
		_, _ = fmt.Fprintln(w, "warning:", door)
	}
	return config.Settings(settings).WriteTable(w)
}

// ConfigMarkdown prints the settings as the table of docs/configuration.md.
func ConfigMarkdown(w io.Writer) error { return config.Settings(nil).Markdown(w) }

// NewLogger returns the logger that the settings ask for, which it reads as LoadConfig does. If they
// are faulty, it returns the default one: LoadConfig reports the faults.
func NewLogger(w io.Writer, over []string) *slog.Logger {
	level, format := slog.LevelInfo, "json"
	if settings, _, err := config.Load(config.Source{Over: over, Partial: true}); err == nil {
		_ = level.UnmarshalText([]byte(settings.Server.LogLevel)) // the choices are its names
		format = settings.Server.LogFormat
	}
	options := &slog.HandlerOptions{Level: level}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// ReadinessURL returns the URL of /readyz of a proxy with this environment on this machine. Settings
// that the URL does not depend on may be missing.
func ReadinessURL() (string, error) {
	settings, _, err := config.Load(config.Source{Partial: true})
	if err != nil {
		return "", &ConfigError{err}
	}
	host := settings.Server.AdminBindInterface
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http://"
	if settings.Server.AdminSSLEnabled {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(settings.Server.AdminPort)) + "/readyz", nil
}
