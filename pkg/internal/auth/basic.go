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
	// acceptedLife is how long the credential cache keeps a right password, which is not checked again
	// until then.
	acceptedLife = time.Minute
	// refusedLife is the same for a wrong password.
	refusedLife = 10 * time.Second
	// maxCachedCredentials is how many right, and how many wrong passwords the credential cache keeps.
	maxCachedCredentials = 4096
	// maxWaiting is how many handshakes may wait for their password to be checked.
	maxWaiting = 64
	// checkTimeout bounds that wait.
	checkTimeout = 2 * time.Second
)

// Basic authenticates users by their passwords.
type Basic struct {
	// Changed is called after Use has replaced the users; may be nil.
	Changed func()

	// Fixed after construction.
	secret [sha256.Size]byte // the key of the digests, which are useless outside of this process
	user   digest            // of the configured user, zero where there is none
	name   string            // of the configured user
	turns  *fair.Shares      // one for each check in progress

	file     atomic.Pointer[users] // nil without a file
	accepted credentialCache
	refused  credentialCache
}

type digest = [sha256.Size]byte

// NewBasic returns a Basic with one configured user, if user is not empty. Use sets the other users.
func NewBasic(user, password string) *Basic {
	b := &Basic{turns: fair.NewShares(checksAtOnce(), maxWaiting)}
	_, _ = rand.Read(b.secret[:]) // it never fails
	if user != "" {
		b.user, b.name = b.digest(user, "", password), user
	}
	return b
}

// checksAtOnce is how many passwords are checked at a time: half of the processors remain for open
// connections.
func checksAtOnce() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// Use takes the content of a file of users in the form of htpasswd -B. If it is faulty, the previous
// users stay in force.
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

// check checks a user's password. accepted is a digest of the hash in the file that the password was
// compared with, for recheck; it is zero for the configured user.
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

// remembered tells whether a password is right, from the credential cache if possible. A changed hash
// makes another key, so that no cached result outlives the hash.
func (b *Basic) remembered(ctx context.Context, key digest, check func() bool) (right bool, e *proxy.Error) {
	if right, known := b.recall(key); known {
		return right, nil
	}
	done, e := b.takeTurn(ctx)
	if e != nil {
		return false, e
	}
	defer done()
	if right, known := b.recall(key); known { // another request has checked it meanwhile
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

// takeTurn waits until another password may be checked. Waiting requests are served round-robin by
// address, so that clients need not wait for all the guesses from one address. done must be called.
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

// digest returns the digest of a user, the hash of its password, and the password.
func (b *Basic) digest(user, hash, password string) digest {
	h := hmac.New(sha256.New, b.secret[:])
	for _, part := range []string{user, hash, password} {
		sum := sha256.Sum256([]byte(part))
		_, _ = h.Write(sum[:])
	}
	return digest(h.Sum(nil))
}
