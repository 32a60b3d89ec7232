package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// adminTimeout bounds a question to the admin API.
const adminTimeout = 30 * time.Second

// adminFlags say how a command reaches the admin API.
type adminFlags struct {
	connect connectFlags
	url     string
	json    bool

	silent string // the replicas that the last answer lacks, as its header has them
}

func (f *adminFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.url, "admin-url", "", "address of the management listener, such as http://127.0.0.1:9078 (default: "+adminVariable+")")
	f.connect.addCredentials(c)
}

// asking is a command that asks the admin API one thing and prints the answer.
type asking struct {
	use, short string
	path       func(args []string) string
	most       int                                     // arguments
	filters    []filter                                // what of the list is asked for
	rows       func(answer []byte) ([][]string, error) // a table, its header first
}

// command makes the cobra command of a question.
func (a asking) command(p Process) *cobra.Command {
	var f adminFlags
	c := &cobra.Command{
		Use: a.use, Short: a.short,
		Long: a.short + ".\n\nIt asks the admin API, which the proxy has with WSPROXY_ADMIN_ENDPOINT_ENABLED.",
		Args: argumentsUpTo(a.most),
		RunE: func(c *cobra.Command, args []string) error {
			answer, err := f.ask(c.Context(), a.path(args)+chosen(c.Flags(), a.filters))
			if err != nil {
				return err
			}
			if f.silent != "" {
				fmt.Fprintln(p.Stderr, "replicas that did not answer, and whose part is missing: "+f.silent)
			}
			if f.json {
				_, err := fmt.Fprintf(p.Stdout, "%s\n", bytes.TrimSpace(answer))
				return err
			}
			if len(args) > 0 {
				return printIndented(p.Stdout, answer)
			}
			rows, err := a.rows(answer)
			if err != nil {
				return fmt.Errorf("reading the answer of the admin API: %w", err)
			}
			return printTable(p.Stdout, rows)
		},
	}
	f.add(c)
	for _, one := range a.filters {
		one.add(c.Flags())
	}
	c.Flags().BoolVarP(&f.json, "json", "J", false, "print the answer of the admin API as it is")
	return c
}

// ask returns what the admin API answers.
func (f *adminFlags) ask(ctx context.Context, path string) ([]byte, error) {
	return f.request(ctx, http.MethodGet, path, nil)
}

// request has the admin API do something, and returns its answer. body may be nil. What the API refuses is an *adminError.
func (f *adminFlags) request(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	if err := f.connect.takeProfile(); err != nil {
		return nil, usageError{err}
	}
	base := cmp.Or(f.url, f.connect.variable(adminVariable))
	if base == "" {
		return nil, usageError{errors.New("no management listener is named: give --admin-url http://HOST:9078 or --profile, or set " + adminVariable)}
	}
	if !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") {
		return nil, usageError{fmt.Errorf("--admin-url is %q: it must be like http://HOST:9078 or https://HOST:9078", base)}
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, usageError{fmt.Errorf("--admin-url: %w", err)}
	}
	o, err := f.connect.credentials(hostOf(base))
	if err != nil {
		return nil, usageError{err}
	}
	switch {
	case o.Token != nil:
		token, err := o.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("getting a token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	case o.User != "":
		request.SetBasicAuth(o.User, o.Password)
	}
	text, header, err := exchange(request, o.TLS)
	f.silent = header.Get("X-Wsproxy-Silent-Replicas")
	return text, err
}

// exchange returns the answer to a request, and its headers, if it is a success.
func exchange(request *http.Request, trust *tls.Config) ([]byte, http.Header, error) {
	h := http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}
	answer, err := h.Do(request)
	if err != nil {
		return nil, nil, adviceError{fmt.Errorf("asking the admin API: %w", err), "Is --admin-url, or " + adminVariable + ", the management listener of a proxy that runs?"}
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostLine))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the answer of the admin API: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, nil, newAdminError(answer, text)
	}
	return text, answer.Header, nil
}

// adminError is what the admin API says is wrong.
type adminError struct {
	status        int
	code, message string // no code where it is another server
}

func newAdminError(answer *http.Response, body []byte) *adminError {
	e := &adminError{status: answer.StatusCode}
	var told struct{ Code, Message string }
	if json.Unmarshal(body, &told) != nil || told.Code == "" {
		e.message = fmt.Sprintf("the admin API answers %q: is --admin-url right?", answer.Status)
		return e
	}
	e.code, e.message = told.Code, told.Message
	return e
}

// Error implements error. It says what to do, too.
func (e *adminError) Error() string {
	switch {
	case e.code == "":
		return e.message
	case e.code == "NOT_AUTHENTICATED":
		return e.code + ": " + e.message + "\n" + adviceFor(e.code)
	case e.status == http.StatusNotFound && strings.HasPrefix(e.message, "There is nothing at "):
		return e.code + ": " + e.message + "\nThe proxy has the admin API with WSPROXY_ADMIN_ENDPOINT_ENABLED=true alone"
	}
	return e.code + ": " + e.message
}

func printIndented(w io.Writer, answer []byte) error {
	var text bytes.Buffer
	if err := json.Indent(&text, bytes.TrimSpace(answer), "", "  "); err != nil {
		return fmt.Errorf("reading the answer of the admin API: %w", err)
	}
	_, err := fmt.Fprintln(w, text.String())
	return err
}

func printTable(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush() //nolint:wrapcheck // of standard output
}

// pathWith returns a path, with an argument behind it if there is one.
func pathWith(list, one, behind string) func(args []string) string {
	return func(args []string) string {
		if len(args) == 0 {
			return list
		}
		return one + url.PathEscape(args[0]) + behind
	}
}
