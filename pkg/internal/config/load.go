package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Load reads the configuration. An empty variable counts as unset. The error is of type Faults and lists
// everything that is wrong; the configuration is nil then. Warnings are returned in both cases.
func Load(source Source) (*Config, []Warning, error) {
	l := newLoader(source)
	for _, f := range l.fields {
		l.load(f)
	}
	l.nameServer()
	l.checkRules()
	l.reportUnknown()
	if len(l.faults) > 0 {
		return nil, l.warnings, l.faults
	}
	return l.config, l.warnings, nil
}

type loader struct {
	source Source
	over   environment // that of the source, by name
	env    environment // all that the source gives
	config *Config
	fields []field
	byName map[string]field
	// malformed holds the settings whose value cannot be used, so that no rule builds on it.
	malformed map[string]bool
	faults    Faults
	warnings  []Warning
}

func newLoader(source Source) *loader {
	c := new(Config)
	l := &loader{
		source: source, over: newEnvironment(source.Over), env: source.environment(),
		config: c, fields: fieldsOf(c), byName: map[string]field{}, malformed: map[string]bool{},
	}
	for _, f := range l.fields {
		l.byName[f.name] = f
	}
	return l
}

func (l *loader) fault(variable, message string, args ...any) {
	l.faults = append(l.faults, Fault{variable, fmt.Sprintf(message, args...)})
}

func (l *loader) warn(variable, message string, args ...any) {
	l.warnings = append(l.warnings, Warning{variable, fmt.Sprintf(message, args...)})
}

// reject records a fault that makes the value of f unusable.
func (l *loader) reject(f field, variable, message string, args ...any) {
	l.fault(variable, message, args...)
	l.malformed[f.name] = true
}

// given is a value that the user set, or otherwise the default.
type given struct {
	variable string
	text     string
	fromFile bool
}

// load sets f to its default, then to what the user gave, in the variable or in the file it names.
func (l *loader) load(f field) {
	l.setDefault(f)
	if variable, ok := f.fileVariable(); ok {
		if path := l.text(f.name + fileSuffix); path != "" {
			l.loadFile(f, variable, path)
			return
		}
	}
	value := given{variable: f.variable()}
	err := l.read(f.name, f.tag, func(text string) error {
		value.text = f.trim(text)
		if value.text == "" {
			return l.acceptEmpty(f)
		}
		return l.accept(f, value)
	})
	l.judge(f, value, err)
}

// loadFile sets f to the content of a file.
func (l *loader) loadFile(f field, variable, path string) {
	if f.trim(l.text(f.name)) != "" {
		l.reject(f, f.variable(), "excludes %s: set one of them", variable)
		return
	}
	content, err := readValueFile(path)
	value := given{variable, f.trim(content), true}
	switch {
	case err != nil:
		l.reject(f, variable, "%v", err)
	case value.text == "":
		l.reject(f, variable, "names an empty file")
	default:
		l.judge(f, value, l.accept(f, value))
	}
}

// accept sets f to a value that is not empty.
func (l *loader) accept(f field, value given) error {
	if l.isServiceLink(f, value) {
		return nil
	}
	return f.decode(value.text)
}

// errMissing says that a required variable is set and empty.
var errMissing = errors.New("no value")

// acceptEmpty leaves f at its default, if it has one.
func (l *loader) acceptEmpty(f field) error {
	if f.required() {
		return errMissing
	}
	if f.text() != "" {
		l.warn(f.variable(), "is empty; its default (%s) applies", f.defaultText())
	}
	return nil
}

// judge adds a fault for an invalid or a missing value.
func (l *loader) judge(f field, value given, err error) {
	if bad, ok := errors.AsType[*valueError](err); ok {
		l.reject(f, value.variable, "%s %s", bad.shown(f, value), bad.reason)
	} else if err != nil && !l.source.Partial {
		l.reject(f, value.variable, "is required: %s", f.tag.Get("help"))
	}
}

// shown returns the invalid value, unless it is a secret or comes from a file: a wrong file may hold a
// secret.
func (e *valueError) shown(f field, value given) string {
	if !f.showable() || value.fromFile {
		return "the value"
	}
	return echo(e.text)
}

func (l *loader) setDefault(f field) {
	if like := f.tag.Get("like"); like != "" {
		f.value.Set(l.byName[like].value)
		return
	}
	err := process(nowhere, f.name, f.tag, f.decode)
	if bad, ok := errors.AsType[*valueError](err); ok {
		panic(fmt.Sprintf("config: default of %s: %q %s", f.name, bad.text, bad.reason))
	}
}

// trim cuts the white space around a value, unless it is a secret, in which it may be intended.
func (f field) trim(text string) string {
	if f.secret() {
		return text
	}
	return strings.TrimSpace(text)
}

// nameServer names a replica without a name after its host.
func (l *loader) nameServer() {
	f := l.byName["SERVER_ID"]
	if l.config.Server.ID != "" || l.malformed[f.name] {
		return
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		l.reject(f, f.variable(), "is required, since the host has no name: %v", err)
		return
	}
	if err := f.decode(host); err != nil {
		l.reject(f, f.variable(), "is required, since the host's name %s %v", echo(host), err)
	}
}
