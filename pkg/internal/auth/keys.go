package auth

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// minRSABits is the shortest RSA key that may sign (RFC 7518, section 3.3).
const minRSABits = 2048

// errUnknownKey is the error for a token that is signed by none of the provider's cached keys.
var errUnknownKey = errors.New("no known key of the provider has signed the token")

// signature is the result of verifying a token's signature by the cached keys.
type signature uint8

const (
	verifiable   signature = iota // one of the keys verified it, or the token is refused for another reason
	mismatched                    // the key that the token names has not signed it
	byUnknownKey                  // the token names none of the keys, and none has signed it
)

// algorithms returns the asymmetric algorithms, whose public keys cannot be used to sign.
func algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// keySet are the keys that a provider published at one time. It implements oidc.KeySet.
type keySet struct {
	keys []jose.JSONWebKey
	algs []jose.SignatureAlgorithm
}

// parseKeys reads a JWK set. Keys that cannot sign, or that are not understood, are left out, as RFC
// 7517, section 5 requires.
func parseKeys(text []byte) (*keySet, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	set := new(keySet)
	for _, alg := range algorithms() {
		set.algs = append(set.algs, jose.SignatureAlgorithm(alg))
	}
	for _, raw := range document.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) == nil && signs(&key) {
			set.keys = append(set.keys, key)
		}
	}
	if len(set.keys) == 0 {
		return nil, errors.New("there is no key that could have signed a token")
	}
	return set, nil
}

// signs tells whether a key is a public key for signatures.
func signs(key *jose.JSONWebKey) bool {
	if !key.IsPublic() || key.Use == "enc" {
		return false
	}
	number, isRSA := key.Key.(*rsa.PublicKey)
	return !isRSA || number.N.BitLen() >= minRSABits
}

// VerifySignature implements oidc.KeySet.
func (s *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, s.algs)
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	header := signed.Signatures[0].Header
	result := byUnknownKey
	for i := range s.keys {
		key := &s.keys[i]
		if header.KeyID != "" && key.KeyID == header.KeyID {
			result = mismatched
		}
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := signed.Verify(key); err == nil {
			return payload, nil
		}
	}
	if tell, ok := ctx.Value(signatureKey{}).(*signature); ok {
		*tell = result
	}
	return nil, errUnknownKey
}

// signatureKey is the context key of the variable in which VerifySignature stores its result: go-oidc
// does not pass its error on.
type signatureKey struct{}
