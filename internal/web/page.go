package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"time"
)

// files are the page as it is served: no build step makes it.
//
//go:embed page
var files embed.FS

// page adds the status page. Its names are fixed, so that browsers ask each
// time whether they have changed, and mostly hear that they have not.
func page(mux *http.ServeMux) {
	for path, file := range map[string]struct{ name, kind string }{
		"/{$}":         {"index.html", "text/html; charset=utf-8"},
		"/page.css":    {"page.css", "text/css; charset=utf-8"},
		"/page.js":     {"page.js", "text/javascript; charset=utf-8"},
		"/format.js":   {"format.js", "text/javascript; charset=utf-8"},
		"/favicon.svg": {"favicon.svg", "image/svg+xml"},
	} {
		mux.Handle("GET "+path, static(file.name, file.kind))
	}
}

func static(name, kind string) http.Handler {
	content, err := fs.ReadFile(files, "page/"+name)
	if err != nil {
		panic(err) // the program was built without it
	}
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}
