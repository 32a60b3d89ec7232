// Package browser has pages in Chromium use the proxy: what a browser lets them do, and what it hides
// from them, no other client shows.
package browser
