package config

import (
	"reflect"
	"strings"
)

// Prefix starts the name of each of the proxy's variables.
const Prefix = "WSPROXY_"

const fileSuffix = "_FILE"

// field is one setting of a Config.
type field struct {
	name    string // without the prefix
	section string
	tag     reflect.StructTag
	value   reflect.Value // addressable
}

// fieldsOf returns the settings of c in the order of the tables.
func fieldsOf(c *Config) []field {
	var fields []field
	sections := reflect.ValueOf(c).Elem()
	for i := range sections.NumField() {
		title := sections.Type().Field(i).Tag.Get("title")
		section := sections.Field(i)
		for j := range section.NumField() {
			tag := section.Type().Field(j).Tag
			fields = append(fields, field{tag.Get("env"), title, tag, section.Field(j)})
		}
	}
	return fields
}

func (f field) variable() string { return Prefix + f.name }
func (f field) required() bool   { return f.tag.Get("required") == "true" }
func (f field) isPath() bool     { return f.tag.Get("check") == "path" }
func (f field) isPort() bool     { return f.name == "PORT" || strings.HasSuffix(f.name, "_PORT") }

func (f field) secret() bool {
	_, ok := reflect.TypeAssert[Secret](f.value)
	return ok
}

// fileVariable returns the variable that names a file with the value. A path has none.
func (f field) fileVariable() (string, bool) {
	return f.variable() + fileSuffix, !f.isPath()
}

// showable reports whether a fault may repeat a bad value: a URL may hold credentials.
func (f field) showable() bool { return !f.secret() && f.tag.Get("check") != "url" }
