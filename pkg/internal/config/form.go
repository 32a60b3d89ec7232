package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

var (
	hostLabel  = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
	topicName  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
	topicGlob  = regexp.MustCompile(`^[A-Za-z0-9._*?-]+$`)
	appOrigin  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._~*-]*(:[0-9]{1,5})?$`)
	extension  = regexp.MustCompile(`^[A-Za-z]+=[\x20-\x7e]+$`)
	pathPrefix = regexp.MustCompile(`^(/[A-Za-z0-9._~-]*[A-Za-z0-9_~-])+$`)
)

// checkForm returns what is wrong with the form of text, or nothing. The form is that of a
// field's check tag.
func checkForm(form, text string) string {
	ok, reason := true, ""
	switch form {
	case "", "path":
	case "identifier":
		ok, reason = utf8.RuneCountInString(text) <= proxy.MaxIdentifier, fmt.Sprintf("is longer than %d characters", proxy.MaxIdentifier)
	case "host":
		ok, reason = isHost(text), "is neither an IP address nor a host name"
	case "hostport":
		ok, reason = isHostPort(text), "is not host:port"
	case "url":
		ok, reason = isURL(text), "is not an http or https URL without credentials"
	case "cidr":
		ok, reason = isCIDR(text), "is not a CIDR such as 10.0.0.0/8"
	case "topic":
		ok, reason = isTopic(text), "is not a topic name (1 to 249 of A-Z a-z 0-9 . _ -)"
	case "topicglob":
		ok, reason = topicGlob.MatchString(text), "is not a glob of topic names (A-Z a-z 0-9 . _ - * ?)"
	case "glob":
		_, err := path.Match(text, "")
		ok, reason = err == nil, "is not a glob: it has a malformed [ ] or ends with a \\"
	case "origin":
		ok, reason = isOrigin(text), "is not an origin such as https://example.com, *.example.com, capacitor://localhost or null"
	case "parameter", "extension":
		return checkPair(form, text)
	case "prefix":
		ok, reason = pathPrefix.MatchString(text), "is not a path such as /kafka, without a / at its end"
	default:
		panic("config: no check is called " + form)
	}
	if ok {
		return ""
	}
	return reason
}

func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(text, "."), ".")
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return false
		}
	}
	// A last label of digits alone is a mistyped IPv4 address (RFC 1123, section 2.1).
	last := labels[len(labels)-1]
	return len(text) <= 253 && strings.Trim(last, "0123456789") != ""
}

func isHostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	return err == nil && isHost(host) && isPort(port)
}

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

func isCIDR(text string) bool {
	_, err := netip.ParsePrefix(text)
	return err == nil
}

// checkPair is checkForm for the parameters and extensions of tokens.
func checkPair(form, text string) string {
	switch {
	case form == "parameter" && !isParameter(text):
		return "is not name=value with a name other than scope, client_id and client_secret"
	case form == "extension" && !isExtension(text):
		return "is not name=value with a name of letters other than auth"
	default:
		return ""
	}
}

// isParameter accepts a parameter of a token request that has no setting of its own.
func isParameter(text string) bool {
	name, value, found := strings.Cut(text, "=")
	return found && name != "" && value != "" && name != "scope" && name != "client_id" && name != "client_secret"
}

// isExtension accepts an extension of an OAUTHBEARER login (RFC 7628, section 3.1) other than auth, which
// is the token.
func isExtension(text string) bool {
	return extension.MatchString(text) && !strings.HasPrefix(strings.ToLower(text), "auth=")
}

// isTopic follows Kafka's own rule (org.apache.kafka.common.internals.Topic).
func isTopic(text string) bool {
	return topicName.MatchString(text) && text != "." && text != ".."
}

// isOrigin accepts [scheme://]host[:port] (RFC 6454), where * stands for a host or one part of its name;
// null, which browsers send for pages without an origin; and the origins of apps, which name their
// hosts as they like, and of files, which have none.
func isOrigin(text string) bool {
	scheme, _, hasScheme := strings.Cut(text, "://")
	if hasScheme && scheme != "http" && scheme != "https" {
		return appOrigin.MatchString(text)
	}
	rest, found := strings.CutPrefix(text, "https://")
	if !found {
		rest = strings.TrimPrefix(text, "http://")
	}
	host := rest
	if h, port, err := net.SplitHostPort(rest); err == nil {
		if !isPort(port) {
			return false
		}
		host = h
	} else if inner, ok := strings.CutPrefix(rest, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	labels := strings.Split(host, ".")
	for i, label := range labels {
		if label == "*" {
			labels[i] = "any"
		}
	}
	return isHost(strings.Join(labels, "."))
}
