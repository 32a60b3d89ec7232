package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// acceptedLife is how long a password that was right is not checked again.
	acceptedLife = time.Minute
	// refusedLife is the same of a wrong one.
	refusedLife = 10 * time.Second
	// maxCachedCredentials is how many passwords are remembered of each kind.
	maxCachedCredentials = 4096
	// maxWaiting is how many handshakes may wait for their password to be checked.
	maxWaiting = 64
	// checkTimeout bounds that wait.
	checkTimeout = 2 * time.Second
)

// Basic knows users by their passwords.
type Basic struct {
	// Changed is called after Use has taken other users; nil where nobody has to know.
	Changed func()

	// Fixed after construction.
	secret [sha256.Size]byte // of the digests: they are worth nothing outside of this process
	user   digest            // of the one user, zero where there is none
	name   string            // the one user's
	turns  *fair.Shares      // one for each check that is under way

	file     atomic.Pointer[users] // nil without a file
	accepted credentialCache
	refused  credentialCache
}

type digest = [sha256.Size]byte

// NewBasic returns users of whom one is given here, if user is not empty. The others come by Use.
func NewBasic(user, password string) *Basic {
	b := &Basic{turns: fair.NewShares(checksAtOnce(), maxWaiting)}
	_, _ = rand.Read(b.secret[:]) // it never fails
	if user != "" {
		b.user, b.name = b.digest(user, "", password), user
	}
	return b
}

// checksAtOnce is how many passwords are checked at a time: half of the processors are left to those who
// are in already.
func checksAtOnce() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// Use takes the content of a file of users in the form of htpasswd -B. Where it is faulty those
// before stay.
func (b *Basic) Use(contents [][]byte) error {
	parsed, err := parseHtpasswd(contents[0])
	if err != nil {
		return fmt.Errorf("reading users: %w", err)
	}
	b.file.Store(parsed)
	if b.Changed != nil {
		b.Changed()
	}
	return nil
}

// check tells whether a password is that of a user. accepted stands for the hash in the file that it
// was compared with, to be compared again; it is zero for the one user.
func (b *Basic) check(ctx context.Context, user, password string) (accepted digest, e *proxy.Error) {
	given := b.digest(user, "", password)
	if b.user != (digest{}) && hmac.Equal(given[:], b.user[:]) {
		return digest{}, nil
	}
	file := b.file.Load()
	if file == nil {
		return digest{}, wrongPassword()
	}
	hash, known := file.hashes[user]
	if !known {
		hash = file.decoy
	}
	right, e := b.remembered(ctx, b.digest(user, string(hash), password), func() bool {
		return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
	})
	if e != nil {
		return digest{}, e
	}
	if !right || !known {
		return digest{}, wrongPassword()
	}
	return b.digest(user, string(hash), ""), nil
}

// recheck tells whether the file still has the hash that a user's password was compared with.
func (b *Basic) recheck(user string, accepted digest) *proxy.Error {
	if accepted == (digest{}) {
		return nil
	}
	if file := b.file.Load(); file != nil {
		hash, known := file.hashes[user]
		now := b.digest(user, string(hash), "")
		if known && hmac.Equal(now[:], accepted[:]) {
			return nil
		}
	}
	return refuse("The user was removed, or has another password.")
}

// knows tells whether there is a user of a name.
func (b *Basic) knows(user string) bool {
	if b.user != (digest{}) && user == b.name {
		return true
	}
	file := b.file.Load()
	return file != nil && file.hashes[user] != nil
}

func wrongPassword() *proxy.Error { return refuse("The user or the password is wrong.") }

// remembered tells whether a password is right, from the cache where it is there. A hash that has
// changed makes another key, so that nothing is remembered beyond it.
func (b *Basic) remembered(ctx context.Context, key digest, check func() bool) (right bool, e *proxy.Error) {
	if right, known := b.recall(key); known {
		return right, nil
	}
	done, e := b.takeTurn(ctx)
	if e != nil {
		return false, e
	}
	defer done()
	if right, known := b.recall(key); known { // somebody has checked it meanwhile
		return right, nil
	}
	right = check()
	if right {
		b.accepted.add(key, acceptedLife)
	} else {
		b.refused.add(key, refusedLife)
	}
	return right, nil
}

func (b *Basic) recall(key digest) (right, known bool) {
	if b.accepted.has(key) {
		return true, true
	}
	return false, b.refused.has(key)
}

// takeTurn waits until another password may be checked. Those who wait are served by turns of their
// addresses, so that nobody has others wait for all the passwords that he tries. done must be called.
func (b *Basic) takeTurn(ctx context.Context) (done func(), e *proxy.Error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	from := fair.AddressIn(ctx)
	if b.turns.Take(ctx, from) != nil {
		return nil, busy()
	}
	return func() { b.turns.Give(from) }, nil
}

func busy() *proxy.Error {
	return proxy.Errorf(proxy.KindOverloaded, "There are too many passwords to be checked: try again later.")
}

// digest is of a user, what is known of its password, and the password.
func (b *Basic) digest(user, hash, password string) digest {
	h := hmac.New(sha256.New, b.secret[:])
	for _, part := range []string{user, hash, password} {
		sum := sha256.Sum256([]byte(part))
		_, _ = h.Write(sum[:])
	}
	return digest(h.Sum(nil))
}
