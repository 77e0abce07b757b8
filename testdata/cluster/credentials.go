package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Users of the control plane and of tests. A user's token is its name: the cluster holds nothing and listens on
// the loopback device only.
const (
	admin      = "admin"      // member of system:masters, as the components are
	restricted = "restricted" // may do what everybody may: discovery

	controllerManagerUser = "conf-kcm"
	schedulerUser         = "conf-sched"
	kwokUser              = "conf-kwok"

	// suiteUsers is how many of conf-tNN (administrators) and of conf-rNN (no rights) there are: the
	// conformance suite gives each of its parallel cases one of both.
	suiteUsers = 32
)

// credentials writes what the API server needs to know its clients, and they it, and returns the
// certificate of the authority that signed the server's.
//
// Files: ca.crt, server.crt, server.key, accounts.key (signs the tokens of ServiceAccounts), tokens.csv.
func credentials(dir string) (ca []byte, err error) {
	authority := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "weighlock test cluster"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "kube-apiserver"},
		NotBefore:    authority.NotBefore,
		NotAfter:     authority.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost", "kubernetes.default.svc"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	authorityKey, err := newKey(filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, err
	}
	serverKey, err := newKey(filepath.Join(dir, "server.key"))
	if err != nil {
		return nil, err
	}
	if _, err := newKey(filepath.Join(dir, "accounts.key")); err != nil {
		return nil, err
	}
	sign := func(name string, cert *x509.Certificate, public any) ([]byte, error) {
		der, err := x509.CreateCertificate(rand.Reader, cert, authority, public, authorityKey)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", name, err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		return text, os.WriteFile(filepath.Join(dir, name), text, 0o600)
	}
	if ca, err = sign("ca.crt", authority, &authorityKey.PublicKey); err != nil {
		return nil, err
	}
	if _, err = sign("server.crt", server, &serverKey.PublicKey); err != nil {
		return nil, err
	}
	return ca, os.WriteFile(filepath.Join(dir, "tokens.csv"), []byte(tokens()), 0o600)
}

func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// tokens is the API server's token file: token, name, uid, groups.
func tokens() string {
	var b strings.Builder
	masters := []string{admin, controllerManagerUser, schedulerUser, kwokUser}
	others := []string{restricted}
	for i := range suiteUsers {
		masters = append(masters, fmt.Sprintf("conf-t%02d", i))
		others = append(others, fmt.Sprintf("conf-r%02d", i))
	}
	for _, user := range masters {
		fmt.Fprintf(&b, "%[1]s,%[1]s,%[1]s,system:masters\n", user)
	}
	for _, user := range others {
		fmt.Fprintf(&b, "%[1]s,%[1]s,%[1]s\n", user)
	}
	return b.String()
}

// kubeconfig writes DIR/kubeconfig-USER and returns its path.
func kubeconfig(dir, server, user string, ca []byte) (string, error) {
	path := filepath.Join(dir, "kubeconfig-"+user)
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: user}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: user}
	config.CurrentContext = "test"
	return path, clientcmd.WriteToFile(*config, path)
}
