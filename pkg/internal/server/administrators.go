package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// administrators is the middleware that authenticates and authorizes administrators: by the credentials
// that are configured for administrators alone, or by those of a client whom the policy makes an
// administrator. Where clients need no credentials and none are configured for administrators, every
// client is an administrator.
func (s *Server) administrators(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var is proxy.Principal
		e := s.Guesses.judge(r, func() (e *proxy.Error) {
			is, e = s.administrator(r)
			return e
		})
		if e != nil {
			s.Refusals.tell("admin request refused", r, e, is)
			s.refuseAdministrator(w, e)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), administratorKey{}, is)))
	})
}

type administratorKey struct{}

// administratorOf returns the administrator who makes a request, and whether the middleware has accepted it.
func administratorOf(r *http.Request) (who proxy.Principal, is bool) {
	who, is = r.Context().Value(administratorKey{}).(proxy.Principal)
	return who, is
}

// administratorIn returns how the log names the administrator who makes a request.
func administratorIn(r *http.Request) string {
	who, is := administratorOf(r)
	if !is {
		return ""
	}
	return who.String()
}

// administrator returns the administrator who makes a request. If it refuses the request, it returns the
// principal, where that is known, and the error.
func (s *Server) administrator(r *http.Request) (is proxy.Principal, e *proxy.Error) {
	own := s.Config.Security.AdminBasicAuthUsername
	switch {
	case own != "" && s.hasOwnCredentials(r):
		return proxy.Principal{Method: proxy.MethodAdmin, Name: own}, nil
	case own != "" && !s.policyNamesAdministrators():
		return is, proxy.Errorf(proxy.KindNotAuthenticated, "The user name and password of an administrator are required.")
	case own == "" && !s.Auth.KnowsClients():
		return is, nil
	}
	authn, e := s.Auth.Request(r.Context(), r)
	if e != nil {
		return is, e
	}
	is = authn.Identity.Principal
	if s.Policy == nil || !s.Policy.Rules().Administers(&authn.Identity) {
		return is, proxy.Errorf(proxy.KindNotAuthorized, "You are not an administrator.")
	}
	return is, nil
}

func (s *Server) policyNamesAdministrators() bool {
	return s.Policy != nil && s.Policy.Rules().HasAdministrators()
}

// hasOwnCredentials tells whether a request has the credentials that are set for administrators.
func (s *Server) hasOwnCredentials(r *http.Request) bool {
	security := &s.Config.Security
	givenUser, givenPassword, _ := r.BasicAuth()
	// Both are compared, whatever the first comparison yields, so that the time reveals nothing.
	return isSameSecret(givenUser, security.AdminBasicAuthUsername)&isSameSecret(givenPassword, string(security.AdminBasicAuthPassword)) == 1
}

// isSameSecret returns 1 if two texts are equal. The time that it takes reveals nothing about them.
func isSameSecret(given, want string) int {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:])
}

// refuseAdministrator is writeError for clients that are no administrators: a 401 says which credentials
// are accepted.
func (s *Server) refuseAdministrator(w http.ResponseWriter, e *proxy.Error) {
	own := s.Config.Security.AdminBasicAuthUsername != ""
	if e.Kind == proxy.KindNotAuthenticated && own {
		w.Header().Set("WWW-Authenticate", `Basic realm="wsproxy administration", charset="UTF-8"`)
	}
	if e.Kind == proxy.KindNotAuthenticated && (!own || s.policyNamesAdministrators()) {
		s.Auth.Challenge(w.Header())
	}
	writeError(w, e)
}
