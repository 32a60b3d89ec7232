package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is the file's form.
type document struct {
	Rules []entry `yaml:"rules"`
}

// entry is a rule in the file. Its lists are nodes, so that an empty list, which may be a mistake, is not
// taken for a missing one, which allows more.
type entry struct {
	Subjects yaml.Node            `yaml:"subjects"`
	Claims   map[string]yaml.Node `yaml:"claims"`
	Produce  yaml.Node            `yaml:"produce"`
	Consume  yaml.Node            `yaml:"consume"`
	Groups   yaml.Node            `yaml:"groups"`
	Clients  yaml.Node            `yaml:"clients"`
	Keys     yaml.Node            `yaml:"keys"`
	Admin    bool                 `yaml:"admin"`
}

// Parse reads a policy in YAML. The error says what is wrong, with the file's name and the line.
func Parse(name string, text []byte) (*Rules, error) {
	var d document
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&d); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", name, clean(err))
	}
	if err := decoder.Decode(new(document)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: it must be one YAML document", name)
	}
	rules := new(Rules)
	for i := range d.Rules {
		r, err := d.Rules[i].rule()
		if err != nil {
			return nil, fmt.Errorf("%s: rules[%d] %w", name, i, err)
		}
		rules.rules = append(rules.rules, r)
	}
	return rules, nil
}

// clean removes from an error of the library what refers to Go code.
func clean(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
	text = strings.ReplaceAll(text, "\n  ", "; ")
	for _, known := range []struct{ kind, name string }{{"policy.document", "the file"}, {"policy.entry", "a rule"}} {
		text = strings.ReplaceAll(text, "not found in type "+known.kind, "is not one of "+known.name)
		text = strings.ReplaceAll(text, known.kind, known.name)
	}
	return text
}

// rule returns the parsed rule. It checks that the rule is complete.
func (e *entry) rule() (r rule, err error) {
	if err := e.lists(&r); err != nil {
		return r, err
	}
	switch {
	case r.subjects == nil && len(r.claims) == 0:
		return r, errors.New(`is about nobody: it needs subjects or claims; subjects: ["*"] is everybody`)
	case r.produce == nil && r.consume == nil && !r.admin:
		return r, errors.New("allows nothing: it needs produce, consume or admin: true")
	case r.groups != nil && r.consume == nil:
		return r, errors.New("has groups without consume")
	case r.keys != nil && r.consume == nil:
		return r, errors.New("has keys without consume")
	case r.clients != nil && r.produce == nil && r.consume == nil:
		return r, errors.New("has clients without produce or consume")
	}
	return r, nil
}

// lists reads the lists of a rule.
func (e *entry) lists(r *rule) (err error) {
	r.admin = e.Admin
	if r.subjects, err = subjects(&e.Subjects); err != nil {
		return err
	}
	for _, list := range []struct {
		name string
		from *yaml.Node
		to   *patterns
	}{
		{"produce", &e.Produce, &r.produce},
		{"consume", &e.Consume, &r.consume},
		{"groups", &e.Groups, &r.groups},
		{"clients", &e.Clients, &r.clients},
		{"keys", &e.Keys, &r.keys},
	} {
		if *list.to, err = patternsOf(list.name, list.from); err != nil {
			return err
		}
	}
	r.claims = make(map[string][]string, len(e.Claims))
	for name, values := range e.Claims {
		if r.claims[name], err = scalars(&values); err != nil {
			return err
		}
	}
	return nil
}

// subjects reads a list of globs of principals, nil where there is none.
func subjects(n *yaml.Node) (list []subject, err error) {
	err = eachGlob("subjects", n, func(p pattern, text string) error {
		if p.hasPlaceholder() {
			return errors.New("a placeholder has no meaning in subjects")
		}
		list = append(list, parseSubject(text))
		return nil
	})
	return list, err
}

// patternsOf reads a list of globs with placeholders, nil where there is none.
func patternsOf(name string, n *yaml.Node) (list patterns, err error) {
	err = eachGlob(name, n, func(p pattern, _ string) error {
		list = append(list, p)
		return nil
	})
	return list, err
}

// eachGlob reads a list of globs.
func eachGlob(name string, n *yaml.Node, take func(p pattern, text string) error) error {
	if n.IsZero() {
		return nil
	}
	n = resolve(n)
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return fmt.Errorf("line %d: %s must be a list of globs that is not empty: leave it out for none", n.Line, name)
	}
	for _, item := range n.Content {
		item = resolve(item)
		if item.Kind != yaml.ScalarNode || item.ShortTag() != "!!str" || item.Value == "" {
			return fmt.Errorf("line %d: a glob of %s must be text: put it in quotes", item.Line, name)
		}
		p, err := parsePattern(item.Value)
		if err == nil {
			err = take(p, item.Value)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", item.Line, err)
		}
	}
	return nil
}

// scalars reads the values that a claim is compared with.
func scalars(n *yaml.Node) (list []string, err error) {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return nil, fmt.Errorf("line %d: a claim needs a list of values", n.Line)
	}
	for _, item := range n.Content {
		item = resolve(item)
		if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
			return nil, fmt.Errorf("line %d: a claim's value must be text, a number or a boolean", item.Line)
		}
		list = append(list, item.Value)
	}
	return list, nil
}

// resolve follows an alias to its anchor.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
