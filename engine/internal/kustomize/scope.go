package kustomize

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Namespaced says whether objects of one of Kubernetes' own kinds live in namespaces; known is false for other kinds.
func Namespaced(apiVersion, kind string) (namespaced, known bool) {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		group = ""
	}
	if namespaced, known := newer[group+"/"+kind]; known {
		return namespaced, true
	}
	defer prepareSchema(noSchema)()
	return openapi.IsNamespaceScoped(yaml.TypeMeta{APIVersion: apiVersion, Kind: kind})
}

// newer are the kinds that came to Kubernetes after the schema that kustomize has built in, which is that of 1.21: whether they
// are namespaced, by group/kind (API reference of Kubernetes 1.36).
var newer = map[string]bool{
	"admissionregistration.k8s.io/MutatingAdmissionPolicy":          false,
	"admissionregistration.k8s.io/MutatingAdmissionPolicyBinding":   false,
	"admissionregistration.k8s.io/ValidatingAdmissionPolicy":        false,
	"admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding": false,
	"certificates.k8s.io/ClusterTrustBundle":                        false,
	"certificates.k8s.io/PodCertificateRequest":                     true,
	"networking.k8s.io/IPAddress":                                   false,
	"networking.k8s.io/ServiceCIDR":                                 false,
	"resource.k8s.io/DeviceClass":                                   false,
	"resource.k8s.io/DeviceTaintRule":                               false,
	"resource.k8s.io/ResourceClaim":                                 true,
	"resource.k8s.io/ResourceClaimTemplate":                         true,
	"resource.k8s.io/ResourceSlice":                                 false,
	"flowcontrol.apiserver.k8s.io/FlowSchema":                       false,
	"flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration":       false,
	"autoscaling/HorizontalPodAutoscaler":                           true,
	"batch/CronJob":                                                 true,
	"policy/PodDisruptionBudget":                                    true,
	"storage.k8s.io/CSIStorageCapacity":                             true,
	"storage.k8s.io/VolumeAttributesClass":                          false,
	"storagemigration.k8s.io/StorageVersionMigration":               false,
}
