package project

import "strings"

// varsEntry is one variable source (project format §6).
type varsEntry struct {
	Values        map[string]any `json:"values"`
	File          string         `json:"file"`
	SystemEnvVars any            `json:"systemEnvVars"`
	Git           *gitVars       `json:"git"`
	GitFiles      *gitFiles      `json:"gitFiles"`

	HTTP              *httpSource          `json:"http"`
	Vault             *vaultSource         `json:"vault"`
	AWSSecretsManager *awsSource           `json:"awsSecretsManager"`
	GCPSecretManager  *gcpSource           `json:"gcpSecretManager"`
	AzureKeyVault     *azureSource         `json:"azureKeyVault"`
	ClusterConfigMap  *configMapSource     `json:"clusterConfigMap"`
	ClusterSecret     *secretSource        `json:"clusterSecret"`
	ClusterObject     *clusterObjectSource `json:"clusterObject"`

	When          *condition `json:"when"`
	IgnoreMissing bool       `json:"ignoreMissing"`
	NoOverride    bool       `json:"noOverride"`
	Sensitive     *bool      `json:"sensitive"` // nil: as the source has it
	Multidoc      bool       `json:"multidoc"`
	TargetPath    string     `json:"targetPath"`
}

// sources are the fields of a varsEntry that name a source; an entry has one of them. Documents are texts that may hold
// several.
func (e *varsEntry) sources() []struct {
	name             string
	given, documents bool
} {
	return []struct {
		name             string
		given, documents bool
	}{
		{"values", e.Values != nil, false}, {"file", e.File != "", true}, {"systemEnvVars", e.SystemEnvVars != nil, false},
		{"git", e.Git != nil, true}, {"gitFiles", e.GitFiles != nil, false},
		{"http", e.HTTP != nil, true}, {"vault", e.Vault != nil, false}, {"awsSecretsManager", e.AWSSecretsManager != nil, true},
		{"gcpSecretManager", e.GCPSecretManager != nil, true}, {"azureKeyVault", e.AzureKeyVault != nil, true},
		{"clusterConfigMap", e.ClusterConfigMap != nil, true}, {"clusterSecret", e.ClusterSecret != nil, true},
		{"clusterObject", e.ClusterObject != nil, false},
	}
}

// Check finds an entry without a source, and what does not go together.
func (e *varsEntry) Check(fail func(key, format string, args ...any)) {
	var given, all, documents []string
	splits := false
	for _, s := range e.sources() {
		all = append(all, s.name)
		if s.documents {
			documents = append(documents, s.name)
		}
		if s.given {
			given = append(given, s.name)
			splits = s.documents
		}
	}
	switch {
	case len(given) == 0:
		fail("", "names no source; it needs one of %s", strings.Join(all, ", "))
		return
	case len(given) > 1:
		fail("", "names several sources, %s; an entry takes one", strings.Join(given, " and "))
		return
	}
	inner := e.innerTargetPath()
	switch {
	case inner != "" && e.TargetPath != "":
		fail("targetPath", "is in %s, too; keep it here and remove it there", given[0])
	case e.Multidoc && !splits:
		fail("multidoc", "goes only with %s", strings.Join(documents, ", "))
	case e.Multidoc && e.TargetPath == "" && inner == "":
		fail("multidoc", "gives a list and needs targetPath to say where it goes")
	case e.GitFiles != nil && e.TargetPath == "":
		fail("", "gitFiles gives a list and needs targetPath to say where it goes")
	case e.ClusterObject != nil && e.TargetPath == "" && inner == "":
		fail("", "clusterObject needs targetPath to say where it goes")
	}
}

// innerTargetPath is the targetPath of sources that once had one of their own.
func (e *varsEntry) innerTargetPath() string {
	switch {
	case e.ClusterConfigMap != nil:
		return e.ClusterConfigMap.TargetPath
	case e.ClusterSecret != nil:
		return e.ClusterSecret.TargetPath
	case e.ClusterObject != nil:
		return e.ClusterObject.TargetPath
	}
	return ""
}
