package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
)

// Bounds of a filter.
const (
	maxFilterBytes = 16 << 10
	maxFilterNodes = 64
	maxFilterDepth = 8
)

// ParseFilter reads a tree of conditions. The error is for the client.
func ParseFilter(text []byte) (*Filter, error) {
	if len(text) > maxFilterBytes {
		return nil, fmt.Errorf("it has more than %d bytes", maxFilterBytes)
	}
	if !codec.IsJSON(text, 2*maxFilterDepth+1) {
		return nil, errors.New("it is not JSON, or nested too deep")
	}
	p := &filterParser{}
	root, err := p.node(text, 1)
	if err != nil {
		return nil, err
	}
	canonical, err := canonicalJSON(text)
	if err != nil {
		return nil, err
	}
	return &Filter{root: root, text: canonical}, nil
}

// canonicalJSON sorts members and drops white space.
func canonicalJSON(text []byte) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
		return "", errors.New("it is not JSON")
	}
	canonical, err := json.Marshal(tree)
	if err != nil {
		return "", fmt.Errorf("writing it anew: %w", err)
	}
	return string(canonical), nil
}

type filterParser struct{ nodes int }

// members are those of a node.
type members map[string]json.RawMessage

func (m members) names() string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, fmt.Sprintf("%.30q", name))
	}
	slices.Sort(names)
	return strings.Join(names[:min(len(names), 4)], ", ")
}

func (p *filterParser) node(text []byte, depth int) (condition, error) {
	if p.nodes++; p.nodes > maxFilterNodes {
		return nil, fmt.Errorf("it has more than %d nodes", maxFilterNodes)
	}
	if depth > maxFilterDepth {
		return nil, fmt.Errorf("it is more than %d levels deep", maxFilterDepth)
	}
	var m members
	if err := json.Unmarshal(text, &m); err != nil || m == nil {
		return nil, errors.New("each condition must be an object")
	}
	switch {
	case m["and"] != nil && len(m) == 1:
		nodes, err := p.list(m["and"], depth)
		return all(nodes), err
	case m["or"] != nil && len(m) == 1:
		nodes, err := p.list(m["or"], depth)
		return some(nodes), err
	case m["not"] != nil && len(m) == 1:
		inner, err := p.node(m["not"], depth+1)
		return not{inner}, err
	case m["json"] != nil && len(m) == 2:
		return p.member(m)
	case m["header"] != nil && len(m) == 2:
		return p.header(m)
	}
	return nil, fmt.Errorf(`a condition is one of and, or, not, or "header" or "json" with one test, not %s`, m.names())
}

func (p *filterParser) list(text []byte, depth int) ([]condition, error) {
	var nodes []json.RawMessage
	if err := json.Unmarshal(text, &nodes); err != nil || len(nodes) == 0 {
		return nil, errors.New("and and or take a list of conditions")
	}
	conditions := make([]condition, 0, min(len(nodes), maxFilterNodes))
	for _, node := range nodes {
		c, err := p.node(node, depth+1)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
	return conditions, nil
}

func (p *filterParser) member(m members) (condition, error) {
	text, ok := codec.JSONText(m["json"])
	if !ok {
		return nil, errors.New("json takes a JSON pointer as a string")
	}
	pointer, ok := codec.ParsePointer(string(text))
	if !ok {
		return nil, fmt.Errorf("%.40q is not a JSON pointer (RFC 6901): it begins with / or is empty", text)
	}
	test, err := testOf(m, "json")
	return member{pointer, test}, err
}

func (p *filterParser) header(m members) (condition, error) {
	name, ok := codec.JSONText(m["header"])
	if !ok {
		return nil, errors.New("header takes a name as a string")
	}
	test, err := testOf(m, "header")
	return header{string(name), test}, err
}

// testOf reads the test of a leaf, which has one member besides its source.
func testOf(m members, source string) (test, error) {
	for name, value := range m {
		if name == source {
			continue
		}
		t, err := parseTest(name, value)
		if err != nil {
			return nil, fmt.Errorf("%.30s: %w", name, err)
		}
		return t, nil
	}
	return nil, errors.New("a condition needs a test")
}

var orders = map[string]func(compared int) bool{
	"gt":  func(c int) bool { return c > 0 },
	"gte": func(c int) bool { return c >= 0 },
	"lt":  func(c int) bool { return c < 0 },
	"lte": func(c int) bool { return c <= 0 },
}

func parseTest(name string, value []byte) (test, error) {
	switch name {
	case "eq", "ne":
		s := scalarOf(value)
		if s.kind == aComposite {
			return nil, errors.New("it takes a string, a number, a truth value or null")
		}
		if name == "ne" {
			return differs{from: s}, nil
		}
		return oneOf{values: []scalar{s}}, nil
	case "in":
		return parseIn(value)
	case "exists":
		s := scalarOf(value)
		if s.kind != aTrue && s.kind != aFalse {
			return nil, errors.New("it takes true or false")
		}
		return exists{s.kind == aTrue}, nil
	case "prefix", "contains":
		part, ok := codec.JSONText(value)
		if !ok {
			return nil, errors.New("it takes a string")
		}
		is := strings.HasPrefix
		if name == "contains" {
			is = strings.Contains
		}
		return textual{part: string(part), is: is}, nil
	}
	if is := orders[name]; is != nil {
		n, ok := numberOf(string(value))
		if !ok {
			return nil, errors.New("it takes a number")
		}
		return order{than: n, is: is}, nil
	}
	return nil, errors.New("no test has this name: there are eq, ne, in, exists, prefix, contains, gt, gte, lt and lte")
}

func parseIn(value []byte) (test, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil || len(list) == 0 {
		return nil, errors.New("it takes a list of strings, numbers, truth values or nulls")
	}
	t := oneOf{values: make([]scalar, 0, len(list))}
	for _, each := range list {
		s := scalarOf(each)
		if s.kind == aComposite {
			return nil, errors.New("its list holds strings, numbers, truth values and nulls")
		}
		t.values = append(t.values, s)
	}
	return t, nil
}
