package config

import (
	"regexp"
	"slices"
	"strings"
)

// Kubernetes sets variables for every Service of a namespace ("service links"), in the form
// of Docker's links: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var (
	linkAddress = regexp.MustCompile(`^(tcp|udp|sctp)://`)
	linkName    = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
)

// isServiceLink reports, as a fault, that Kubernetes took the name of a port's variable.
func (l *loader) isServiceLink(f field, value given) bool {
	if !f.isPort() || !linkAddress.MatchString(value.text) {
		return false
	}
	service := strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(f.variable(), "_PORT")), "_", "-")
	l.reject(f, f.variable(), "%s was put there by Kubernetes as the address of the Service %q: "+
		"set enableServiceLinks: false in the pod's spec, or give the Service another name", echo(value.text), service)
	return true
}

// slip is the greatest edit distance at which a name counts as the misspelt name of a setting.
const slip = 2

// ClientVariables returns the variables that commands read which are clients of a proxy. They mean nothing to a proxy, and none is the name of a
// setting: somebody may have them in a shell from which a proxy is started.
func ClientVariables() []string {
	return []string{
		Prefix + "URL", Prefix + "ADMIN_URL", Prefix + "USER", Prefix + "PASSWORD", Prefix + "TOKEN", Prefix + "PROFILE", Prefix + "PROFILES",
	}
}

// reportUnknown warns of variables that have the proxy's prefix but belong to no setting. If one is the
// misspelt name of a setting that concerns security, it is a fault.
func (l *loader) reportUnknown() {
	known := l.variables()
	var links []string
	for _, name := range l.env.names() {
		switch {
		case slices.Contains(known, name), slices.Contains(ClientVariables(), name):
		case linkName.MatchString(name), linkAddress.MatchString(l.env[name]):
			links = append(links, plainName(name))
		default:
			l.warnUnknown(name, known)
		}
	}
	if len(links) > 0 {
		l.warn(strings.Join(links, ", "), "set by Kubernetes for a Service, ignored; "+
			"enableServiceLinks: false in the pod's spec keeps them away")
	}
}

// variables returns the name of every variable that Load reads.
func (l *loader) variables() []string {
	var names []string
	for _, f := range l.fields {
		names = append(names, f.variable())
		if name, ok := f.fileVariable(); ok {
			names = append(names, name)
		}
	}
	return names
}

// closes returns the variable of a setting that concerns security, if name is a misspelt form of it.
func (l *loader) closes(name string) (string, bool) {
	for _, f := range l.fields {
		if !f.concernsSecurity() {
			continue
		}
		variables := []string{f.variable()}
		if file, ok := f.fileVariable(); ok {
			variables = append(variables, file)
		}
		for _, variable := range variables {
			if editDistance(name, variable) <= slip {
				return variable, true
			}
		}
	}
	return "", false
}

func (l *loader) warnUnknown(name string, known []string) {
	if variable, ok := l.closes(name); ok {
		l.fault(plainName(name), "is unknown, and near %s, which concerns security", variable)
		return
	}
	if nearest, ok := nearestName(name, known); ok {
		l.warn(plainName(name), "is unknown and ignored; did you mean %s?", nearest)
		return
	}
	l.warn(plainName(name), "is unknown and ignored")
}

// nearestName returns the first of the names that is the fewest edits from name, unless that
// is more than half of what follows the prefix.
func nearestName(name string, names []string) (string, bool) {
	nearest, least := "", len(name)
	for _, n := range names {
		if d := editDistance(name, n); d < least {
			nearest, least = n, d
		}
	}
	return nearest, least <= max(slip, (len(name)-len(Prefix))/2)
}

// editDistance is Levenshtein's: how many bytes to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
