package enginetest

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// identitiesNamespace holds the ServiceAccounts behind identities, away from the namespaces under test.
const identitiesNamespace = "enginetest-identities"

// Identity is a user of one test's own.
type Identity struct {
	User       string // the name that the audit log has
	Kubeconfig string // path; gone when the test ends
}

// RESTConfig returns a client configuration of the identity.
func (id Identity) RESTConfig(tb testing.TB) *rest.Config {
	tb.Helper()
	config, err := clientConfig(id.Kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	return config
}

// Identity returns a fresh user with all rights.
func (c *Cluster) Identity(tb testing.TB) Identity {
	tb.Helper()
	return c.User(tb, "", rbacv1.PolicyRule{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}})
}

// User returns a fresh user with exactly the given rights (and discovery, which everybody has), in one
// namespace or, with namespace "", in the whole cluster. The rights are in force when it returns.
func (c *Cluster) User(tb testing.TB, namespace string, rules ...rbacv1.PolicyRule) Identity {
	tb.Helper()
	name := uniqueName(tb, "")
	id := Identity{
		User:       "system:serviceaccount:" + identitiesNamespace + ":" + name,
		Kubeconfig: filepath.Join(tb.TempDir(), "kubeconfig"),
	}
	token := c.account(tb, name)
	if len(rules) > 0 {
		c.Grant(tb, id, namespace, rules...)
	}

	config, err := clientcmd.LoadFromFile(c.env.Kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	config.AuthInfos = map[string]*clientcmdapi.AuthInfo{name: {Token: token}}
	config.Contexts[config.CurrentContext].AuthInfo = name
	if err := clientcmd.WriteToFile(*config, id.Kubeconfig); err != nil {
		tb.Fatal(err)
	}
	return id
}

// Grant gives a user rights in a further namespace. They are in force when it returns.
func (c *Cluster) Grant(tb testing.TB, id Identity, namespace string, rules ...rbacv1.PolicyRule) {
	tb.Helper()
	name := id.User[strings.LastIndexByte(id.User, ':')+1:]
	c.grant(tb, name, namespace, rules)
	for _, rule := range rules {
		await(tb, "rights of "+name, func(ctx context.Context) error { return c.allowed(ctx, id.User, namespace, rule) })
	}
}

// account makes a ServiceAccount and returns a token of it.
func (c *Cluster) account(tb testing.TB, name string) string {
	tb.Helper()
	ctx := tb.Context()
	home := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: identitiesNamespace}}
	if _, err := c.client.CoreV1().Namespaces().Create(ctx, home, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		tb.Fatalf("creating namespace %s: %v", identitiesNamespace, err)
	}
	accounts := c.client.CoreV1().ServiceAccounts(identitiesNamespace)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := accounts.Create(ctx, account, metav1.CreateOptions{}); err != nil {
		tb.Fatalf("creating ServiceAccount %s: %v", name, err)
	}
	c.cleanUp(tb, "ServiceAccount "+name, func(ctx context.Context) error {
		return accounts.Delete(ctx, name, metav1.DeleteOptions{})
	})
	token, err := accounts.CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		tb.Fatalf("token of ServiceAccount %s: %v", name, err)
	}
	return token.Status.Token
}

// grant gives the ServiceAccount rights, by a role and a binding of its name.
func (c *Cluster) grant(tb testing.TB, name, namespace string, rules []rbacv1.PolicyRule) {
	tb.Helper()
	ctx, rbac := tb.Context(), c.client.RbacV1()
	meta := metav1.ObjectMeta{Name: name, Namespace: namespace}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: identitiesNamespace, Name: name}}
	create, remove := metav1.CreateOptions{}, metav1.DeleteOptions{}

	var roleErr, bindingErr error
	if namespace == "" {
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
		_, roleErr = rbac.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, create)
		_, bindingErr = rbac.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, create)
		c.cleanUp(tb, "ClusterRole "+name, func(ctx context.Context) error { return rbac.ClusterRoles().Delete(ctx, name, remove) })
		c.cleanUp(tb, "ClusterRoleBinding "+name, func(ctx context.Context) error { return rbac.ClusterRoleBindings().Delete(ctx, name, remove) })
	} else {
		// These go with their namespace.
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}
		_, roleErr = rbac.Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: rules}, create)
		_, bindingErr = rbac.RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, create)
	}
	if err := errors.Join(roleErr, bindingErr); err != nil {
		tb.Fatalf("granting rights to %s: %v", name, err)
	}
}

// allowed asks the API server, which learns of new rights a moment after they are stored, whether a rule is in
// force. One request that the rule allows stands for all: a role comes into force as a whole.
func (c *Cluster) allowed(ctx context.Context, user, namespace string, rule rbacv1.PolicyRule) error {
	first := func(list []string) string { return append(list, "")[0] }
	spec := authorizationv1.SubjectAccessReviewSpec{User: user}
	if len(rule.NonResourceURLs) > 0 {
		spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Verb: first(rule.Verbs), Path: first(rule.NonResourceURLs)}
	} else {
		resource, subresource, _ := strings.Cut(first(rule.Resources), "/")
		spec.ResourceAttributes = &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: first(rule.Verbs),
			Group: first(rule.APIGroups), Resource: resource, Subresource: subresource, Name: first(rule.ResourceNames),
		}
	}
	review, err := c.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if !review.Status.Allowed {
		return errors.New("not in force")
	}
	return nil
}
