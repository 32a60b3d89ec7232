package spec

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/wsproxy/kafka-websocket-proxy/api"
)

// nowhere stands for every path that the document does not have.
const nowhere = "/nowhere"

// HTTP checks answers against the OpenAPI document. Any number of goroutines may use one.
type HTTP struct {
	doc     *openapi3.T
	answers []Answer
	known   known
}

// Answer is one that the document has.
type Answer struct {
	Method, Path string
	Status       int
}

// NewHTTP reads the OpenAPI document.
func NewHTTP() (*HTTP, error) {
	text, err := api.OpenAPI()
	if err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	doc, err := parse(text)
	if err != nil {
		return nil, err
	}
	h := &HTTP{answers: answersOf(doc), known: known{right: make(map[[sha256.Size]byte]bool)}}
	spreadEverywhere(doc)
	closeObjects(doc.root["components"])
	if text, err = json.Marshal(doc.root); err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	if h.doc, err = openapi3.NewLoader().LoadFromData(text); err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	return h, nil
}

// answersOf lists the answers of a document.
func answersOf(doc document) (all []Answer) {
	for path := range doc.at("paths") {
		for _, method := range methods() {
			operation, ok := doc.at("paths", path)[method].(object)
			if !ok {
				continue
			}
			for text := range doc.follow(operation["responses"]) {
				if status, err := strconv.Atoi(text); err == nil {
					all = append(all, Answer{strings.ToUpper(method), path, status})
				}
			}
		}
	}
	return all
}

func methods() []string {
	return []string{"get", "head", "post", "put", "patch", "delete", "options", "trace"}
}

// spreadEverywhere adds the answers that the document gives once to every path, and to one that
// stands for all other paths: OpenAPI knows no such thing.
func spreadEverywhere(doc document) {
	everywhere := doc.at("x-everywhere")
	doc.at("paths")[nowhere] = object{}
	for path := range doc.at("paths") {
		item := doc.at("paths", path)
		for _, method := range methods() {
			operation, ok := item[method].(object)
			if !ok {
				operation = object{"responses": object{}}
				item[method] = operation
				special := "405"
				if path == nowhere {
					special = "401"
				}
				doc.follow(operation["responses"])[special] = everywhere[special]
			}
			doc.follow(operation["responses"])["404"] = everywhere["404"]
			spreadHeaders(doc, doc.follow(operation["responses"]))
		}
	}
}

// spreadHeaders adds the headers that the document gives once to the answers of an operation, but
// for the one that is not the proxy's own.
func spreadHeaders(doc document, responses object) {
	for status, response := range responses {
		answer := doc.follow(response)
		if status == fmt.Sprint(http.StatusRequestHeaderFieldsTooLarge) {
			continue
		}
		if answer["headers"] == nil {
			answer["headers"] = object{}
		}
		headers := doc.follow(answer["headers"])
		for name, header := range doc.at("x-headers-everywhere") {
			if headers[name] == nil {
				headers[name] = header
			}
		}
	}
}

// Answers lists what the document says can be answered.
func (h *HTTP) Answers() []Answer { return slices.Clone(h.answers) }

// Check returns what is wrong with an answer: a status, header or body that the document does
// not have, or that a request was accepted which the document calls wrong. It reads the body
// and puts it back.
func (h *HTTP) Check(answer *http.Response) error {
	input, body, err := h.input(answer)
	if err != nil {
		return err
	}
	request := answer.Request
	found := []error{h.known.check(answerText(input, body), func() error {
		return errors.Join(openapi3filter.ValidateResponse(request.Context(), input), undescribed(input), h.wrongAllow(input))
	})}
	if answer.StatusCode < http.StatusBadRequest && request.URL.Query().Get("handshakeErrors") != "close" {
		found = append(found, h.checkRequest(input.RequestValidationInput))
	}
	if err := errors.Join(found...); err != nil {
		return fmt.Errorf("%s %s is answered by %d, not as api/openapi.yaml says: %w", request.Method, request.URL, answer.StatusCode, err)
	}
	return nil
}

// checkRequest returns what is wrong with a request that was accepted.
func (h *HTTP) checkRequest(input *openapi3filter.RequestValidationInput) error {
	text, err := requestText(input.Request, input.Route.Path)
	if err != nil {
		return err
	}
	return h.known.check(text, func() error {
		return openapi3filter.ValidateRequest(input.Request.Context(), input) //nolint:wrapcheck // Check wraps it
	})
}

// input puts an answer into the form that the library takes, and returns its body too.
func (h *HTTP) input(answer *http.Response) (*openapi3filter.ResponseValidationInput, []byte, error) {
	path, parameters := h.path(answer.Request.URL.EscapedPath())
	item := h.doc.Paths.Value(path)
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, SkipSettingDefaults: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
	request, err := plain(answer.Request)
	if err != nil {
		return nil, nil, err
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: request, Options: options, PathParams: parameters,
			Route: &routers.Route{
				Spec: h.doc, Path: path, PathItem: item, Method: request.Method, Operation: item.GetOperation(request.Method),
			},
		},
		Status: answer.StatusCode, Header: answer.Header, Options: options,
	}
	if request.Method == http.MethodHead { // of which the library looks at nothing
		request.Method, options.ExcludeResponseBody = http.MethodGet, true
	}
	if answer.StatusCode == http.StatusSwitchingProtocols || answer.Body == nil {
		return input, nil, nil
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return nil, nil, fmt.Errorf("reading the answer: %w", err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	input.SetBodyBytes(body)
	return input, body, nil
}

// path returns the path of the document that a request means, which may lie below a prefix, and
// the parameters in it. Of two that match it is the one with fewer parameters.
func (h *HTTP) path(asked string) (path string, parameters map[string]string) {
	path = nowhere
	segments := strings.Split(asked, "/")
	for candidate := range h.doc.Paths.Map() {
		template := strings.Split(candidate, "/")[1:]
		found, ok := match(template, segments[max(0, len(segments)-len(template)):])
		if ok && (path == nowhere || len(found) < len(parameters)) {
			path, parameters = candidate, found
		}
	}
	return path, parameters
}

// match compares the segments of a path with those of a template, {name} being any.
func match(template, segments []string) (parameters map[string]string, ok bool) {
	parameters = make(map[string]string)
	for i := range template {
		if len(segments) != len(template) {
			return nil, false
		}
		if name, isParameter := strings.CutPrefix(template[i], "{"); isParameter && segments[i] != "" {
			value, err := url.PathUnescape(segments[i])
			if err != nil {
				return nil, false
			}
			parameters[strings.TrimSuffix(name, "}")] = value
		} else if template[i] != segments[i] {
			return nil, false
		}
	}
	return parameters, true
}

// wrongAllow names methods that an answer allows and the document does not have.
func (h *HTTP) wrongAllow(input *openapi3filter.ResponseValidationInput) error {
	var found []error
	for method := range strings.SplitSeq(input.Header.Get("Allow"), ", ") {
		isIt := func(a Answer) bool { return a.Method == method && a.Path == input.RequestValidationInput.Route.Path }
		if method != "" && !slices.ContainsFunc(h.answers, isIt) {
			found = append(found, fmt.Errorf("method %s is allowed and not described", method))
		}
	}
	return errors.Join(found...)
}

// plain copies a request, without what the document says in words: that an empty parameter is a
// missing one, and that words are taken in any case of letters. A body is JSON, whatever its type
// is said to be.
func plain(request *http.Request) (*http.Request, error) {
	request = request.Clone(request.Context())
	parameters := request.URL.Query()
	for name, values := range parameters {
		if slices.Equal(values, []string{""}) {
			delete(parameters, name)
		} else if !slices.Contains([]string{"clientId", "groupId", "instanceId", "topic"}, name) {
			parameters.Set(name, strings.ToLower(values[0]))
		}
	}
	request.URL.RawQuery = parameters.Encode()
	if request.GetBody == nil {
		return request, nil
	}
	request.Header.Set("Content-Type", "application/json")
	var err error
	if request.Body, err = request.GetBody(); err != nil {
		return nil, fmt.Errorf("reading the request's body: %w", err)
	}
	return request, nil
}

// undescribed names headers that the document does not have. Those that every answer has need
// no description.
func undescribed(input *openapi3filter.ResponseValidationInput) error {
	response := input.RequestValidationInput.Route.Operation.Responses.Status(input.Status)
	if response == nil {
		return nil // which is a fault of its own
	}
	described := []string{"Content-Type", "Content-Length", "Connection", "Date"}
	for name := range response.Value.Headers {
		described = append(described, http.CanonicalHeaderKey(name))
	}
	var found []error
	for name := range input.Header {
		if !slices.Contains(described, name) {
			found = append(found, fmt.Errorf("header %s is not described", name))
		}
	}
	return errors.Join(found...)
}
