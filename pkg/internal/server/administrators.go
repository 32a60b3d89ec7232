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
		who, e := s.administrator(r)
		if e != nil {
			s.Log.Info("admin request refused", "method", r.Method, "path", r.URL.Path, "remote", r.RemoteAddr, "subject", who, "err", e)
			s.refuseStranger(w, e)
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
func (s *Server) administrator(r *http.Request) (who string, e *proxy.Error) {
	own := s.Config.Security.AdminBasicAuthUsername
	switch {
	case own != "" && s.hasOwnCredentials(r):
		return "admin:" + own, nil
	case own != "" && !s.policyNamesAdministrators():
		return "", proxy.Errorf(proxy.KindNotAuthenticated, "The user name and password of an administrator are required.")
	case own == "" && !s.Auth.KnowsClients():
		return proxy.Principal{}.String(), nil
	}
	pass, e := s.Auth.Request(r.Context(), r)
	if e != nil {
		return "", e
	}
	who = pass.Identity.Principal.String()
	if s.Policy == nil || !s.Policy.Rules().Administers(&pass.Identity) {
		return who, proxy.Errorf(proxy.KindNotAuthorized, "You are not an administrator.")
	}
	return who, nil
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

// refuseStranger is writeError for who is no administrator: a 401 says which credentials are taken.
func (s *Server) refuseStranger(w http.ResponseWriter, e *proxy.Error) {
	own := s.Config.Security.AdminBasicAuthUsername != ""
	if e.Kind == proxy.KindNotAuthenticated && own {
		w.Header().Set("WWW-Authenticate", `Basic realm="wsproxy administration", charset="UTF-8"`)
	}
	if e.Kind == proxy.KindNotAuthenticated && (!own || s.policyNamesAdministrators()) {
		s.Auth.Challenge(w.Header())
	}
	writeError(w, e)
}
