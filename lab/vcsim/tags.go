package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

const (
	sessionPath = "/api/session"
	taggingPath = "/api/cis/tagging/"
)

// serveTags gives tags the address that they have since vCenter 7 and that the driver of Salt 3008 uses. The simulator
// has them at the former one, with the same content in other envelopes: requests are translated and passed on.
func serveTags(mux *http.ServeMux) {
	translate := func(w http.ResponseWriter, r *http.Request) {
		inner, err := formerRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, inner)
		if answer.Code != http.StatusOK {
			w.WriteHeader(answer.Code)
			return
		}
		var body struct {
			Value json.RawMessage `json:"value"`
		}
		if json.Unmarshal(answer.Body.Bytes(), &body) != nil || body.Value == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if bytes.Equal(body.Value, []byte("null")) { // a list without anything in it
			body.Value = []byte("[]")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body.Value)
	}
	mux.HandleFunc(sessionPath, translate)
	mux.HandleFunc(taggingPath, translate)
}

// formerRequest is the request as the simulator wants it: /rest paths, ids with a prefix, new objects in a create_spec.
func formerRequest(r *http.Request) (*http.Request, error) {
	former := url.URL{Path: "/rest/com/vmware/cis/session"}
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	if r.URL.Path != sessionPath {
		kind, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, taggingPath), "/")
		former.Path = "/rest/com/vmware/cis/tagging/" + kind
		if id != "" {
			former.Path += "/id:" + id
		}
		action := r.URL.Query().Get("action")
		if action != "" {
			former.RawQuery = url.Values{"~action": {action}}.Encode()
		} else if r.Method == http.MethodPost {
			content := body.String()
			body.Reset()
			body.WriteString(`{"create_spec":` + content + `}`)
		}
	}
	inner, err := http.NewRequestWithContext(r.Context(), r.Method, former.String(), &body)
	if err != nil {
		return nil, err
	}
	inner.Header = r.Header.Clone()
	return inner, nil
}
