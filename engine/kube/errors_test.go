package kube

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// What a controller has not done yet is told apart from what is refused for good; both are admission's no.
func TestWhatIsRefusedOnlyYetIsToldApart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"status unknown for quota: counts, resources: count/configmaps":                               true,
		`error looking up service account apps/default: serviceaccount "default" not found`:           true,
		`error looking up service account apps/deployer: serviceaccount "deployer" not found`:         false,
		"exceeded quota: counts, requested: count/configmaps=1, used: count/configmaps=3, limited: 3": false,
	} {
		err := (&Cluster{}).failed("applying", object.Ref{}, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "a", errors.New(text)))
		if got := errors.As(err, new(*apply.NotYetError)); got != want || !errors.As(err, new(*diff.DeniedError)) {
			t.Errorf("%s: got %T %v", text, err, err)
		}
	}
}
