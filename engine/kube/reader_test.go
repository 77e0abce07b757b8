package kube_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

var configMap = object.Ref{Version: "v1", Kind: "ConfigMap"}

func openReader(t *testing.T, kubeconfig string) project.Cluster {
	t.Helper()
	c, err := kube.Open(kube.Config{Kubeconfigs: []string{kubeconfig}, UserAgent: "weighlock-test"})
	if err != nil {
		t.Fatal(err)
	}
	return c.Reader()
}

func TestReaderTellsAbsentFromRefused(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	ref := configMap
	ref.Namespace, ref.Name = cluster.Namespace(t), "missing"

	got, err := openReader(t, cluster.Kubeconfig()).Get(t.Context(), ref)
	if got != nil || err != nil {
		t.Errorf("an absent object: got %v, %v, want nil, nil", got, err)
	}
	if _, err := openReader(t, cluster.RestrictedKubeconfig()).Get(t.Context(), ref); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("an object that may not be read: got %v, want an error that says forbidden", err)
	}
	if _, err := openReader(t, cluster.RestrictedKubeconfig()).List(t.Context(), ref, nil); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("a list that may not be read: got %v, want an error that says forbidden", err)
	}
	var noKind *object.NoKindError
	if _, err := openReader(t, cluster.Kubeconfig()).List(t.Context(), object.Ref{Group: "example.com", Version: "v1", Kind: "Nothing"}, nil); !errors.As(err, &noKind) {
		t.Errorf("a kind that is not served: got %v, want a NoKindError", err)
	}
}

func TestReaderListsByLabelsInOrder(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	kind := configMap
	kind.Namespace = cluster.Namespace(t)
	for _, o := range []struct{ name, label string }{{"b", "web"}, {"a", "web"}, {"c", "db"}} {
		cluster.KubectlInput(t, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: %s, labels: {app: %s}}}", o.name, o.label), "create", "-n", kind.Namespace, "-f", "-")
	}
	got, err := openReader(t, cluster.Kubeconfig()).List(t.Context(), kind, map[string]string{"app": "web"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range got {
		names = append(names, o.Ref().String())
	}
	if want := []string{kind.Namespace + "/ConfigMap/a", kind.Namespace + "/ConfigMap/b"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestReaderFindsTheGroupsThatServeAKind(t *testing.T) {
	t.Parallel()
	reader := openReader(t, enginetest.Start(t).Kubeconfig())
	for name, want := range map[string][]string{"Deployment": {"apps/v1"}, "Event": {"v1", "events.k8s.io/v1"}, "Nothing": nil} {
		kinds, err := reader.Kinds(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range kinds {
			got = append(got, k.APIVersion())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestReaderGivesTokensOfServiceAccounts(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	account := object.Ref{Version: "v1", Kind: "ServiceAccount", Namespace: cluster.Namespace(t), Name: "default"}
	token, err := openReader(t, cluster.Kubeconfig()).(project.TokenIssuer).Token(t.Context(), account, "sts.amazonaws.com")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(token+"..", ".")[1])
	if want := `"aud":["sts.amazonaws.com"]`; err != nil || !strings.Contains(string(claims), want) {
		t.Errorf("got a token with the claims %s (%v), want %s in them", claims, err, want)
	}
	account.Name = "none"
	if _, err := openReader(t, cluster.Kubeconfig()).(project.TokenIssuer).Token(t.Context(), account, "sts.amazonaws.com"); err == nil {
		t.Error("an account that does not exist: got no error")
	}
}
