package config

import "strings"

// Setting is one row of the tables that users read.
type Setting struct {
	Name    string // of the variable, with WSPROXY_
	Value   string // as Load reads it; *** for a secret that is set
	Default string // a value, or words such as "host name"
	Help    string // one line without a full stop
	Section string

	literal bool // whether Default is a value
}

// Table is every setting, in sections.
type Table []Setting

// Settings returns every setting with its value in c; with its default where c is nil.
func Settings(c *Config) Table {
	if c == nil {
		c = defaults()
	}
	fields := fieldsOf(c)
	table := make(Table, len(fields))
	for i, f := range fields {
		table[i] = f.setting()
	}
	return table
}

// defaults returns the Config that Load starts from. Settings without a fixed default are not set in it.
func defaults() *Config {
	l := newLoader(Source{Alone: true})
	for _, f := range l.fields {
		l.setDefault(f)
	}
	return l.config
}

func (f field) setting() Setting {
	_, literal := f.tag.Lookup("default")
	return Setting{
		Name: f.variable(), Value: f.maskedText(), Default: f.defaultText(), Help: f.help(),
		Section: f.section, literal: literal,
	}
}

func (f field) maskedText() string {
	if f.secret() {
		return Secret(f.text()).String()
	}
	return f.text()
}

// defaultText returns the default, in words if it is not a value.
func (f field) defaultText() string {
	if like := f.tag.Get("like"); like != "" {
		return "as " + Prefix + like
	}
	if shown := f.tag.Get("shown"); shown != "" {
		return shown
	}
	return f.tag.Get("default")
}

func (f field) help() string {
	help := f.tag.Get("help")
	if choices := f.tag.Get("choices"); choices != "" {
		help += ": " + strings.ReplaceAll(choices, ",", ", ")
	}
	return help
}
