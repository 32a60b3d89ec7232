package auth

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

const (
	// maxCost is the highest accepted cost of a bcrypt hash: each step doubles the time of a check, which
	// takes seconds at this cost.
	maxCost = 16
	// maxFaults bounds how many faults of a file are reported.
	maxFaults = 10
)

// users are the bcrypt hashes of passwords, by user.
type users struct {
	hashes map[string][]byte
	decoy  []byte // one of the hashes, compared for unknown users, so that the check takes as long
}

// parseHtpasswd reads lines of user:hash as htpasswd -B writes them. Empty lines and those that begin
// with # are skipped. The error names lines, but repeats nothing of their content.
func parseHtpasswd(text []byte) (*users, error) {
	u := &users{hashes: make(map[string][]byte)}
	var faults []error
	number := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		number++
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if wrong := u.add(line); wrong != "" && len(faults) < maxFaults {
			faults = append(faults, fmt.Errorf("line %d: %s", number, wrong))
		}
	}
	if len(faults) == 0 && len(u.hashes) == 0 {
		faults = append(faults, errors.New("there are no users"))
	}
	return u, errors.Join(faults...)
}

// add adds the user of a line, or says what is wrong with the line.
func (u *users) add(line string) (wrong string) {
	name, hash, found := strings.Cut(line, ":")
	if !found || name == "" {
		return "it must be user:hash"
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "the user must be UTF-8 without control characters"
	}
	if u.hashes[name] != nil {
		return "the user is there already"
	}
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil || !wellFormed(hash) {
		return "the hash must be one of bcrypt (htpasswd -B)"
	}
	if cost > maxCost {
		return fmt.Sprintf("the hash has a cost above %d", maxCost)
	}
	u.hashes[name] = []byte(hash)
	u.decoy = u.hashes[name]
	return ""
}

// wellFormed tells whether a whole hash has the form of bcrypt, of which bcrypt.Cost checks only the
// beginning: $2y$ with a cost of two digits, then 22 characters of salt and 31 of the hash.
func wellFormed(hash string) bool {
	if len(hash) != len("$2y$10$")+22+31 || hash[0] != '$' || hash[1] != '2' || !strings.ContainsRune("abxy", rune(hash[2])) {
		return false
	}
	return !strings.ContainsFunc(hash[len("$2y$10$"):], func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '/'
	})
}
