package clientcfg

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Static is what the file of limits holds.
type Static struct {
	defaults map[Kind]Entry // of the entry __DEFAULT__
	clients  []Client
}

// ReadFile reads a file of limits. The error lists all faults, each with the file's name, the line
// and the member.
func ReadFile(path string) (Static, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Static{}, fmt.Errorf("reading the limits: %w", err)
	}
	return ParseFile(path, text)
}

// ParseFile parses limits in YAML, of which JSON is a subset, in the shape in which the admin API
// lists them. Members that are left out have the values of the defaults. The entry
// __DEFAULT__ changes the defaults that the settings give. Entries under "dynamic" are refused:
// a file holds static ones.
func ParseFile(name string, text []byte) (Static, error) {
	var document, second yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&document); errors.Is(err, io.EOF) {
		return Static{}, nil
	} else if err != nil {
		return Static{}, fmt.Errorf("%s: %w", name, err)
	}
	p := &fileParser{name: name, seen: make(map[identity]bool)}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		p.fault(&second, "the file", "must be one YAML document")
	}
	for _, root := range document.Content {
		p.document(root)
	}
	if len(p.faults) > 0 {
		return Static{}, errors.Join(p.faults...)
	}
	return p.static, nil
}

// fileParser walks through the nodes of a file, so that it can report the line of a fault. It names
// places like consumers.static[1].batch-size.
type fileParser struct {
	name   string
	static Static
	seen   map[identity]bool
	faults []error
}

func (p *fileParser) fault(n *yaml.Node, place, what string) {
	p.faults = append(p.faults, fmt.Errorf("%s:%d: %s %s", p.name, n.Line, place, what))
}

// taker takes the value of a member.
type taker func(place string, n *yaml.Node)

func (p *fileParser) document(root *yaml.Node) {
	p.mapping("", root, "consumers and producers", func(name string) taker {
		switch name {
		case "consumers":
			return p.lists(Consumer)
		case "producers":
			return p.lists(Producer)
		}
		return nil
	})
}

// lists reads the entries of one kind.
func (p *fileParser) lists(kind Kind) taker {
	return func(place string, n *yaml.Node) {
		p.mapping(place, n, "static", func(name string) taker {
			switch name {
			case "static":
				return func(place string, n *yaml.Node) { p.entries(kind, place, n) }
			case "dynamic":
				return p.dynamic
			}
			return nil
		})
	}
}

// dynamic accepts the member dynamic, which answers of the admin API have, if it is empty.
func (p *fileParser) dynamic(place string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode || len(n.Content) > 0 {
		p.fault(n, place, "must be empty: entries of a file belong under static")
	}
}

func (p *fileParser) entries(kind Kind, place string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		p.fault(n, place, "must be a list")
		return
	}
	for i, item := range n.Content {
		p.entry(kind, fmt.Sprintf("%s[%d]", place, i), resolve(item))
	}
}

func (p *fileParser) entry(kind Kind, place string, n *yaml.Node) {
	c, known := Client{Kind: kind}, len(p.faults)
	p.mapping(place, n, kind.memberNames(), func(name string) taker {
		if name == kind.idName() {
			return func(place string, n *yaml.Node) { c.ID = p.id(place, n) }
		}
		into := kind.member(&c.Entry, name)
		if into == nil {
			return nil
		}
		return func(place string, n *yaml.Node) { *into = p.limit(place, n) }
	})
	i := identity{kind, c.ID}
	switch {
	case len(p.faults) > known: // more faults would be reported of the same entry
	case c.ID == "":
		p.fault(n, place, "has no "+kind.idName())
	case p.seen[i]:
		p.fault(n, place, fmt.Sprintf("is a second entry of %q", c.ID))
	case c.ID == DefaultID:
		p.static.setDefaults(kind, c.Entry)
	default:
		p.static.clients = append(p.static.clients, c)
	}
	p.seen[i] = true
}

func (s *Static) setDefaults(kind Kind, e Entry) {
	if s.defaults == nil {
		s.defaults = make(map[Kind]Entry)
	}
	s.defaults[kind] = e
}

func (p *fileParser) id(place string, n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		p.fault(n, place, "must be text: put it in quotes")
		return ""
	}
	if wrong := CheckID(n.Value); wrong != "" {
		p.fault(n, place, wrong)
	}
	return n.Value
}

func (p *fileParser) limit(place string, n *yaml.Node) *int {
	limit, ok := parseLimit(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || !ok {
		p.fault(n, place, notALimit)
	}
	return &limit
}

// mapping reads a mapping; of returns the taker of a member. A missing value is an empty mapping.
func (p *fileParser) mapping(place string, n *yaml.Node, members string, of func(name string) taker) {
	if n.ShortTag() == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.fault(n, cmp.Or(place, "the file"), "must be a mapping of "+members)
		return
	}
	given := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		inner := strings.TrimPrefix(place+"."+key.Value, ".")
		take := of(key.Value)
		switch {
		case key.Kind != yaml.ScalarNode || take == nil:
			p.fault(key, strconv.Quote(inner), "is unknown: use "+members)
		case given[key.Value]:
			p.fault(key, inner, "is given twice")
		default:
			take(inner, value)
		}
		given[key.Value] = true
	}
}

// resolve follows an alias to its anchor.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
