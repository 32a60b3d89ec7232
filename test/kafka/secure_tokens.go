package kafka

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"time"
)

// What tokens for a secure broker must hold, as [Secure.Token] writes it.
const (
	TokenIssuer   = "https://issuer.test"
	TokenAudience = "kafka"

	tokenKeyID   = "test-key"
	tokenKeyBits = 2048
)

// Token returns a JWT that the broker takes for a user as OAUTHBEARER. One with a life that is
// negative has expired.
func (s *Secure) Token(user string, life time.Duration) (string, error) {
	now := time.Now()
	return s.SignToken(map[string]any{
		"iss": TokenIssuer, "aud": TokenAudience, "sub": user,
		"iat": now.Add(-clockSkew).Unix(), "exp": now.Add(life).Unix(),
	})
}

// SignToken returns a JWT with the claims given, signed with the key that the broker knows.
func (s *Secure) SignToken(claims map[string]any) (string, error) {
	head, err := jwtPart(map[string]any{"alg": "RS256", "typ": "JWT", "kid": tokenKeyID})
	if err != nil {
		return "", err
	}
	body, err := jwtPart(claims)
	if err != nil {
		return "", err
	}
	signed := head + "." + body
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.security.tokenKey, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// JWKS returns the public key of the tokens as a JSON Web Key Set (RFC 7517).
func (s *Secure) JWKS() ([]byte, error) { return s.security.jwks() }

func jwtPart(members map[string]any) (string, error) {
	text, err := json.Marshal(members)
	if err != nil {
		return "", fmt.Errorf("writing a token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// writeTokenKey makes the key that tokens are signed with.
func (s *security) writeTokenKey() (err error) {
	if s.tokenKey, err = rsa.GenerateKey(rand.Reader, tokenKeyBits); err != nil {
		return err
	}
	text, err := s.jwks()
	if err != nil {
		return err
	}
	return writeFile(s.path(jwksFile), string(text))
}

func (s *security) jwks() ([]byte, error) {
	public := s.tokenKey.PublicKey
	return json.Marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": tokenKeyID,
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}})
}
