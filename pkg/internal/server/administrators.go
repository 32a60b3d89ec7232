package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// administrators asks for the credentials of administrators: those that are set for them alone, or those
// of a client whom the policy makes one. Where clients have none, and none are set, everybody is one.
func (s *Server) administrators(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var who string
		var is proxy.Principal
		e := s.Guesses.judge(r, func() (e *proxy.Error) {
			who, is, e = s.administrator(r)
			return e
		})
		if e != nil {
			s.Refusals.tell("admin request refused", r, e, is)
			s.refuseAdministrator(w, e)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), administratorKey{}, who)))
	})
}

type administratorKey struct{}

// administratorOf returns who makes a request that administrators has let through.
func administratorOf(r *http.Request) string {
	who, _ := r.Context().Value(administratorKey{}).(string)
	return who
}

// administrator returns which administrator makes a request, or who makes it and why it may not.
func (s *Server) administrator(r *http.Request) (who string, is proxy.Principal, e *proxy.Error) {
	own := s.Config.Security.AdminBasicAuthUsername
	switch {
	case own != "" && s.hasOwnCredentials(r):
		return "admin:" + own, is, nil
	case own != "" && !s.policyNamesAdministrators():
		return "", is, proxy.Errorf(proxy.KindNotAuthenticated, "The user name and password of an administrator are required.")
	case own == "" && !s.Auth.KnowsClients():
		return is.String(), is, nil
	}
	pass, e := s.Auth.Request(r.Context(), r)
	if e != nil {
		return "", is, e
	}
	is = pass.Identity.Principal
	if s.Policy == nil || !s.Policy.Rules().Administers(&pass.Identity) {
		return "", is, proxy.Errorf(proxy.KindNotAuthorized, "You are not an administrator.")
	}
	return is.String(), is, nil
}

func (s *Server) policyNamesAdministrators() bool {
	return s.Policy != nil && s.Policy.Rules().HasAdministrators()
}

// hasOwnCredentials tells whether a request has the credentials that are set for administrators.
func (s *Server) hasOwnCredentials(r *http.Request) bool {
	security := &s.Config.Security
	givenUser, givenPassword, _ := r.BasicAuth()
	// Both are compared, whatever the first tells, so that the time tells nothing.
	return isSameSecret(givenUser, security.AdminBasicAuthUsername)&isSameSecret(givenPassword, string(security.AdminBasicAuthPassword)) == 1
}

// isSameSecret returns 1 where two texts are the same, in a time that tells nothing of them.
func isSameSecret(given, want string) int {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:])
}

// refuseAdministrator is writeError for who is no administrator: a 401 says which credentials are taken.
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
