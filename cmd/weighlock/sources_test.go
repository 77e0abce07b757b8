package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serveSources starts a web server for a script whose answers are the files below dir. A Vault is one of them: its secrets
// are JSON below v1. AWS Secrets Manager is, too: its secrets are below aws. AWS KMS answers the access key BUILD, and gives
// back what it is to decrypt. What lies in a directory called locked is for
// the user app with the password s3cret, what lies in one called forbidden for nobody.
func serveSources(t *testing.T, dir string) string {
	files := http.FileServerFS(os.DirFS(dir))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case r.Header.Get("X-Amz-Target") == "secretsmanager.GetSecretValue":
			serveAWS(w, r, dir)
		case r.Header.Get("X-Amz-Target") == "TrentService.Decrypt":
			serveKMS(w, r)
		case strings.Contains(r.URL.Path, "/forbidden/"):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"errors":["permission denied"]}`)
		case strings.Contains(r.URL.Path, "/locked/") && (user != "app" || password != "s3cret"):
			w.Header().Set("WWW-Authenticate", `Basic realm="shop"`)
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/v1/"):
			data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
			if err != nil {
				w.WriteHeader(http.StatusNotFound)
				data = []byte(`{"errors":[]}`)
			}
			_, _ = w.Write(data)
		default:
			files.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func serveKMS(w http.ResponseWriter, r *http.Request) {
	var in struct{ CiphertextBlob []byte }
	_ = json.NewDecoder(r.Body).Decode(&in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if !strings.Contains(r.Header.Get("Authorization"), "Credential=BUILD/") {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"AccessDeniedException","message":"it is so"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Plaintext": in.CiphertextBlob, "KeyId": "key"})
}

func serveAWS(w http.ResponseWriter, r *http.Request, dir string) {
	var in struct {
		Name string `json:"SecretId"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	data, err := os.ReadFile(filepath.Join(dir, "aws", filepath.Base(in.Name)))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"ResourceNotFoundException","message":"there is none"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"SecretString": string(data)})
}
