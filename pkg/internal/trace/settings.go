package trace

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/net/http/httpguts"
)

// The variables that are read here, from
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/. OpenTelemetry's SDK itself reads those of
// batches, limits, timeouts, compression, certificates, headers and the resource from the process.
const (
	disabledVariable    = "OTEL_SDK_DISABLED"
	exporterVariable    = "OTEL_TRACES_EXPORTER"
	propagatorsVariable = "OTEL_PROPAGATORS"
	samplerVariable     = "OTEL_TRACES_SAMPLER"
	samplerArgVariable  = "OTEL_TRACES_SAMPLER_ARG"
	// Those that also exist in a form for traces only, which wins: see (environment).otlp.
	endpointVariable = "ENDPOINT"
	protocolVariable = "PROTOCOL"
	headersVariable  = "HEADERS"
)

// defaultEndpoint is the default endpoint of OTLP over HTTP.
const defaultEndpoint = "http://localhost:4318"

// settings is what the environment asks for.
type settings struct {
	endpoint   string // the URL that spans are posted to
	sampler    sdk.Sampler
	propagates bool
}

// environment holds the variables of OpenTelemetry. An empty one counts as unset, as the specification
// requires.
type environment map[string]string

func newEnvironment(environ []string) environment {
	env := environment{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, "OTEL_") {
			env[name] = strings.TrimSpace(value)
		}
	}
	return env
}

// otlp returns the value of a variable that has a form for traces, and the name of the form that
// is set.
func (e environment) otlp(name string) (variable, value string) {
	variable = "OTEL_EXPORTER_OTLP_TRACES_" + name
	if value = e[variable]; value == "" {
		variable = "OTEL_EXPORTER_OTLP_" + name
		value = e[variable]
	}
	return variable, value
}

// read returns nil where the environment asks for no traces, else what it asks for. The error
// holds all faults.
func read(environ []string) (*settings, error) {
	env := newEnvironment(environ)
	if on, err := env.on(); !on {
		return nil, err
	}
	s := &settings{propagates: env.propagates()}
	var faults [3]error
	s.endpoint, faults[0] = env.endpoint()
	s.sampler, faults[1] = env.sampler()
	faults[2] = env.checkProtocol()
	if err := errors.Join(append(faults[:], env.checkHeaders()...)...); err != nil {
		return nil, err
	}
	return s, nil
}

// on tells whether traces are asked for: by an endpoint, or by name.
func (e environment) on() (bool, error) {
	if strings.EqualFold(e[disabledVariable], "true") {
		return false, nil
	}
	switch exporter := e[exporterVariable]; exporter {
	case "otlp":
		return true, nil
	case "none":
		return false, nil
	case "":
		_, endpoint := e.otlp(endpointVariable)
		return endpoint != "", nil
	default:
		return false, fmt.Errorf("%s: %q is none of otlp, none", exporterVariable, exporter)
	}
}

// endpoint returns the URL for spans. The endpoint of all signals is only the base of it.
func (e environment) endpoint() (string, error) {
	variable, value := e.otlp(endpointVariable)
	common := variable == "OTEL_EXPORTER_OTLP_"+endpointVariable
	if value == "" {
		value = defaultEndpoint
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("%s: must be a URL such as %s", variable, defaultEndpoint) // which may hold a password
	case u.User != nil || u.RawQuery != "":
		return "", fmt.Errorf("%s: must not hold a user or a query; credentials belong in OTEL_EXPORTER_OTLP_HEADERS", variable)
	}
	if common {
		u = u.JoinPath("v1/traces")
	}
	return u.String(), nil
}

// checkProtocol refuses protocols that the exporter does not support.
func (e environment) checkProtocol() error {
	variable, protocol := e.otlp(protocolVariable)
	switch protocol {
	case "", "http/protobuf", "http/json":
		return nil
	}
	return fmt.Errorf("%s: %q is none of http/protobuf, http/json", variable, protocol)
}

// checkHeaders refuses malformed headers: the SDK would leave them out, and print them although they may
// hold a token.
func (e environment) checkHeaders() []error {
	var faults []error
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_" + headersVariable, "OTEL_EXPORTER_OTLP_TRACES_" + headersVariable} {
		if value := e[variable]; value != "" && !areHeaders(value) {
			faults = append(faults, fmt.Errorf("%s: must be name=value, several with commas between, and values in percent encoding", variable))
		}
	}
	return faults
}

func areHeaders(text string) bool {
	for header := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(header, "=")
		plain, err := url.PathUnescape(value)
		if !ok || err != nil || !httpguts.ValidHeaderFieldName(strings.TrimSpace(name)) || !httpguts.ValidHeaderFieldValue(plain) {
			return false
		}
	}
	return true
}

// propagates tells whether W3C trace context is propagated, as it is by default.
func (e environment) propagates() bool {
	list := e[propagatorsVariable]
	return list == "" || slices.ContainsFunc(strings.Split(list, ","), func(name string) bool {
		return strings.TrimSpace(name) == "tracecontext"
	})
}

// sampler returns the sampler, which decides which traces are recorded.
func (e environment) sampler() (sdk.Sampler, error) {
	name := strings.ToLower(e[samplerVariable])
	ratio, err := e.ratio(name)
	if err != nil {
		return nil, err
	}
	switch name {
	case "always_on":
		return sdk.AlwaysSample(), nil
	case "always_off":
		return sdk.NeverSample(), nil
	case "traceidratio":
		return sdk.TraceIDRatioBased(ratio), nil
	case "parentbased_always_on", "":
		return sdk.ParentBased(sdk.AlwaysSample()), nil
	case "parentbased_always_off":
		return sdk.ParentBased(sdk.NeverSample()), nil
	case "parentbased_traceidratio":
		return sdk.ParentBased(sdk.TraceIDRatioBased(ratio)), nil
	}
	return nil, fmt.Errorf("%s: %q is none of always_on, always_off, traceidratio, parentbased_always_on, "+
		"parentbased_always_off, parentbased_traceidratio", samplerVariable, name)
}

// ratio returns the argument of the samplers that have one, which is 1 by default.
func (e environment) ratio(sampler string) (float64, error) {
	text := e[samplerArgVariable]
	if text == "" || !strings.HasSuffix(sampler, "traceidratio") {
		return 1, nil
	}
	ratio, err := strconv.ParseFloat(text, 64)
	if err != nil || !(0 <= ratio && ratio <= 1) {
		return 0, fmt.Errorf("%s: %q is not a number from 0 to 1", samplerArgVariable, text)
	}
	return ratio, nil
}
