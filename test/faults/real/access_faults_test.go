//go:build unix

package real

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// rereadTime is in how much time replicas read a changed file again at most.
const rereadTime = 10 * time.Second

// shortenTokens has credentials end some seconds after they are issued.
func (r *rig) shortenTokens() (string, error) {
	d, life := r.between(4*time.Second, 10*time.Second), r.between(time.Second, 4*time.Second)
	r.access.setLife(life)
	workload.Pause(r.t.Context(), d)
	r.access.setLife(tokenLife)
	return fmt.Sprintf("after %v, for %v", life, d), nil
}

func (a *access) setLife(life time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.life = life
}

// loseProvider restarts a replica while the provider is down: it has none of its keys.
func (r *rig) loseProvider() (string, error) {
	d := r.between(time.Second, 8*time.Second)
	r.access.provider.SetDown(true)
	defer r.access.provider.SetDown(false)
	what, err := r.killProxy()
	workload.Pause(r.t.Context(), d)
	return fmt.Sprintf("and proxy killed: %s; %v more", what, d), err
}

// rotateProvider has connections end whose tokens are not valid anymore.
func (r *rig) rotateProvider() (string, error) {
	r.access.provider.Rotate()
	d := r.between(time.Second, 5*time.Second)
	workload.Pause(r.t.Context(), d)
	return fmt.Sprintf("then %v", d), nil
}

// expireCertificate has all replicas show a certificate that expires soon, and another one when clients have refused that for a while.
func (r *rig) expireCertificate() (string, error) {
	d := r.between(2*time.Second, 6*time.Second)
	end := time.Now().Add(rereadTime)
	r.access.renew(end)
	if err := r.awaitShown(); err != nil {
		return "", err
	}
	workload.Pause(r.t.Context(), time.Until(end)+d)
	r.access.renew(time.Now().Add(time.Hour))
	return fmt.Sprintf("for %v", d), r.awaitShown()
}

// awaitShown waits until all replicas show the certificate that was written.
func (r *rig) awaitShown() error {
	want, err := r.access.written()
	if err != nil {
		return err
	}
	for i := range replicas {
		address := r.fleet.process(i).TLSAddress()
		var got []byte
		if !workload.Within(healLimit, func() bool {
			got, err = certificateOf(address)
			return bytes.Equal(got, want)
		}) {
			return fmt.Errorf("replica %d does not show the new certificate after %v: %w", i, healLimit, err)
		}
	}
	return nil
}

// changePolicy takes all rights from one of two names, whose connections end, and gives them back. Before that comes a file that is none.
func (r *rig) changePolicy() (string, error) {
	d, left := r.between(rereadTime/2, 3*rereadTime/2), []string{subject, guest}[r.random.IntN(2)]
	certs.Write(r.t, r.access.folder, "policy.yaml", []byte("rules: ["))
	workload.Pause(r.t.Context(), r.between(0, rereadTime/2))
	r.access.writePolicy(left)
	workload.Pause(r.t.Context(), d)
	r.access.writePolicy(subject, guest)
	return fmt.Sprintf("%s alone may do anything for %v", left, d), nil
}

// changeLimits slows down a group and a producer, and refuses connections beyond few.
func (r *rig) changeLimits() (string, error) {
	d := r.between(2*time.Second, 8*time.Second)
	consumer, producer := "/admin/client/config/consumer/"+autoGroup, "/admin/client/config/producer/p0"
	err := r.administer(http.MethodPost, consumer, fmt.Sprintf(`{"group-id":%q,"max-connections":2,"messages-per-second":100,"batch-size":10}`, autoGroup))
	if err == nil {
		err = r.administer(http.MethodPost, producer, `{"producer-id":"p0","max-connections":1,"messages-per-second":10}`)
	}
	if err != nil {
		return "", err
	}
	workload.Pause(r.t.Context(), d)
	if err = r.administer(http.MethodDelete, consumer, ""); err == nil {
		err = r.administer(http.MethodDelete, producer, "")
	}
	return fmt.Sprintf("for %v", d), err
}

// administer asks a replica for a change until it says that it is made. One whose answer was late is made already.
func (r *rig) administer(method, path, body string) (err error) {
	_, management, _ := r.fleet.process(lasting).Addresses()
	workload.Within(healLimit, func() bool {
		var status int
		var text string
		status, text, err = administer(r.t.Context(), method, "http://"+management+path, body)
		if err == nil && status != http.StatusOK && status != http.StatusConflict && (status != http.StatusNotFound || method != http.MethodDelete) {
			err = fmt.Errorf("%s %s: %d %s", method, path, status, text)
		}
		return err == nil
	})
	return err
}

func administer(ctx context.Context, method, url, body string) (status int, text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("making a request: %w", err)
	}
	request.SetBasicAuth(adminUser, adminPassword)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("changing limits: %w", err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if err != nil {
		return 0, "", fmt.Errorf("reading the answer: %w", err)
	}
	return answer.StatusCode, string(said), nil
}
