package config

import (
	"errors"
	"reflect"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

// nowhere is a prefix that no variable of an environment has: a name ends before the first =
// (POSIX, section 8.1). With it envconfig finds nothing but defaults.
const nowhere = "="

// decoder sets one setting to what a text says, or leaves it as it is and says why.
type decoder func(text string) error

// Decode implements envconfig.Decoder.
func (d decoder) Decode(text string) error { return d(text) }

// process reads one variable by envconfig: decode gets its value, or if it is unset its default, or
// nothing if it has no default either. The error is that of decode, or says that a required variable is
// unset.
//
// The settings go to envconfig one by one, since it stops at the first fault. Each is named by the field
// of a struct made for it, because what the tag envconfig names is also read without the prefix: PORT, or
// SSL_CERT_FILE, are for other programs.
func process(prefix, name string, tag reflect.StructTag, decode decoder) error {
	spec := reflect.New(reflect.StructOf([]reflect.StructField{{Name: name, Type: reflect.TypeFor[decoder](), Tag: tag}}))
	spec.Elem().Field(0).Set(reflect.ValueOf(decode))
	err := envconfig.Process(strings.TrimSuffix(prefix, "_"), spec.Interface())
	// The text of a ParseError repeats the value, which may be a secret.
	if parse, ok := errors.AsType[*envconfig.ParseError](err); ok {
		return parse.Err
	}
	return err
}
