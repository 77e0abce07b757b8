package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// helmRepositories is what `helm repo add` wrote, as far as it matters for reading.
type helmRepositories struct {
	Repositories []struct {
		URL                   string `json:"url"`
		Username              string `json:"username"`
		Password              string `json:"password"`
		CertFile              string `json:"certFile"`
		KeyFile               string `json:"keyFile"`
		CAFile                string `json:"caFile"`
		InsecureSkipTLSVerify bool   `json:"insecure_skip_tls_verify"`
		PassCredentialsAll    bool   `json:"pass_credentials_all"`
	} `json:"repositories"`
}

// helmCredential finds with what a chart repository is asked: our own credentials first, then what its address has, or else
// what `helm repo add` was given for it.
func (c *Cache) helmCredential(a address) (Credential, error) {
	if cred, ok := c.credential(KindHelm, a); ok {
		return cred, nil
	}
	if a.user != "" || a.password != "" {
		return Credential{Kind: KindHelm, Host: a.host, Username: a.user, Password: a.password}, nil
	}
	file := helmConfigFile(c.opts.Environ, "HELM_REPOSITORY_CONFIG", "repositories.yaml")
	if file == "" {
		return Credential{}, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Credential{}, nil
	}
	var list helmRepositories
	if err == nil {
		err = yaml.Unmarshal(data, &list)
	}
	if err != nil {
		return Credential{}, fmt.Errorf("reading Helm's configuration %s: %w", file, err)
	}
	for _, r := range list.Repositories {
		known, err := parseAddress(strings.TrimRight(r.URL, "/") + "/-")
		if err == nil && known.scheme == a.scheme && known.hostPort() == a.hostPort() && known.path == strings.TrimPrefix(a.path+"/-", "/") {
			return Credential{Kind: KindHelm, Host: a.host, Username: r.Username, Password: r.Password, CertFile: r.CertFile, KeyFile: r.KeyFile, CAFile: r.CAFile,
				InsecureSkipTLSVerify: r.InsecureSkipTLSVerify, PassCredentialsAll: r.PassCredentialsAll}, nil
		}
	}
	return Credential{}, nil
}

// helmConfigFile is where Helm keeps a file of its configuration, unless a variable says so; "" if nothing is known of it.
func helmConfigFile(environ []string, variable, name string) string {
	if file := lookup(environ, variable); file != "" {
		return file
	}
	dir := lookup(environ, "HELM_CONFIG_HOME")
	if dir == "" {
		config := lookup(environ, "XDG_CONFIG_HOME")
		if home := lookup(environ, "HOME"); config == "" && home != "" {
			config = filepath.Join(home, ".config")
		}
		if config == "" {
			return ""
		}
		dir = filepath.Join(config, "helm")
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}
