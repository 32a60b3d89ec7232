package config

import (
	"fmt"
	"os"
	"strings"
)

// Load reads the configuration from environ, whose entries are NAME=value as in
// os.Environ; of two entries with one name the later counts. An empty variable is as good as
// an unset one. The error is of type Faults and lists everything that is wrong; the
// configuration is nil then. Warnings are there either way.
func Load(environ []string) (*Config, []Warning, error) {
	l := newLoader(environ)
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
	env    environment
	config *Config
	fields []field
	byName map[string]field
	// malformed holds the settings whose value cannot be used, so that no rule builds on it.
	malformed map[string]bool
	faults    Faults
	warnings  []Warning
}

func newLoader(environ []string) *loader {
	c := new(Config)
	l := &loader{
		env: newEnvironment(environ), config: c, fields: fieldsOf(c),
		byName: map[string]field{}, malformed: map[string]bool{},
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

// given is a value that the user set.
type given struct {
	variable string
	text     string
	fromFile bool
}

// load sets f to its default, then to what the user gave.
func (l *loader) load(f field) {
	l.setDefault(f)
	before := f.text()
	value, ok := l.lookUp(f)
	if ok && l.isServiceLink(f, value) {
		return
	}
	if ok {
		l.decode(f, value)
	}
	if f.soon() && (l.malformed[f.name] || f.text() != before) {
		l.fault(value.variable, "not available yet")
	}
}

func (l *loader) decode(f field, value given) {
	if err := f.decode(value.text); err != nil {
		l.reject(f, value.variable, "%s %s", err.shown(f, value), err.reason)
	}
}

// shown returns the value at fault, unless it is a secret or comes from a file, which may
// be the wrong one and hold a secret.
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
	text, ok := f.tag.Lookup("default")
	if !ok {
		return
	}
	if err := f.decode(text); err != nil {
		panic(fmt.Sprintf("config: default of %s: %q %s", f.name, err.text, err.reason))
	}
}

// lookUp returns what the user gave for f, in the variable or in the file it names.
func (l *loader) lookUp(f field) (given, bool) {
	value := given{variable: f.variable(), text: f.trim(l.env[f.variable()])}
	fileVariable, ok := f.fileVariable()
	if !ok || l.env[fileVariable] == "" {
		l.checkEmpty(f, value.text)
		return value, value.text != ""
	}
	if value.text != "" {
		l.reject(f, value.variable, "excludes %s: set one of them", fileVariable)
		return value, false
	}
	content, err := readValueFile(l.env[fileVariable])
	value = given{fileVariable, f.trim(content), true}
	if err != nil {
		l.reject(f, fileVariable, "%v", err)
	} else if value.text == "" {
		l.reject(f, fileVariable, "names an empty file")
	}
	return value, value.text != ""
}

// trim cuts the white space around a value, which in a secret may be meant.
func (f field) trim(text string) string {
	if f.secret() {
		return text
	}
	return strings.TrimSpace(text)
}

// checkEmpty looks after a setting that has no value.
func (l *loader) checkEmpty(f field, text string) {
	_, set := l.env[f.variable()]
	switch {
	case text != "":
	case f.required():
		l.reject(f, f.variable(), "is required: %s", f.tag.Get("help"))
	case set && f.text() != "":
		l.warn(f.variable(), "is empty; its default (%s) applies", f.defaultText())
	}
}

// nameServer gives a replica without a name that of its host.
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
		l.reject(f, f.variable(), "is required, since the host's name %s %s", echo(host), err.reason)
	}
}
