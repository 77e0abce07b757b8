// Package crd judges custom resources by a CustomResourceDefinition that no API server knows yet: it completes them with
// the schema's defaults and finds unknown fields, wrong types and broken rules, as the API server will once it has the
// definition.
package crd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/weighlock/weighlock/engine/object"
)

// A Definition is a CustomResourceDefinition, ready to judge by. It is safe for concurrent use.
type Definition struct {
	// Name is the definition's own, Group and Kind are those of its objects.
	Name, Group, Kind string
	Namespaced        bool
	versions          map[string]*version
}

type version struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

// New reads a definition in apiextensions.k8s.io/v1.
func New(o object.Object) (*Definition, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := json.Unmarshal(data, &crd); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Ref(), err)
	}
	d := &Definition{
		Name: crd.Name, Group: crd.Spec.Group, Kind: crd.Spec.Names.Kind,
		Namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped, versions: map[string]*version{},
	}
	var errs []error
	for _, v := range crd.Spec.Versions {
		if !v.Served {
			continue
		}
		if d.versions[v.Name], err = newVersion(v); err != nil {
			errs = append(errs, fmt.Errorf("%s: version %s: %w", o.Ref(), v.Name, err))
		}
	}
	return d, errors.Join(errs...)
}

func newVersion(v apiextensionsv1.CustomResourceDefinitionVersion) (*version, error) {
	if v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
		return &version{}, nil
	}
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &props, nil); err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(&props)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		return nil, err
	}
	return &version{structural: structural, validator: validator, rules: cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// Serves says whether the definition serves a version.
func (d *Definition) Serves(name string) bool { return d.versions[name] != nil }

// Judge returns the object as the API server would store it, complete with defaults, and all that is wrong with it. old
// is the object as it is, or nil: rules about changes need it.
func (d *Definition) Judge(ctx context.Context, o, old object.Object) (object.Object, error) {
	ref := o.Ref()
	v := d.versions[ref.Version]
	if v == nil {
		return nil, fmt.Errorf("%s: CustomResourceDefinition %s does not serve version %s", ref, d.Name, ref.Version)
	}
	var errs field.ErrorList
	errs = append(errs, d.metadata(o)...)
	if v.structural == nil {
		return o, worded(ref, errs)
	}
	out := map[string]any(o.Clone())
	for _, unknown := range pruning.PruneWithOptions(out, v.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		errs = append(errs, field.Invalid(field.NewPath(unknown), "", "unknown field"))
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(out, v.structural)
	defaulting.Default(out, v.structural)
	if old == nil {
		errs = append(errs, validation.ValidateCustomResource(nil, out, v.validator)...)
	} else {
		errs = append(errs, validation.ValidateCustomResourceUpdate(nil, out, map[string]any(old), v.validator)...)
	}
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, v.structural, out)...)
	// The rules are written for objects that the schema admits.
	if len(errs) == 0 && v.rules != nil {
		var before any
		if old != nil {
			before = map[string]any(old)
		}
		found, _ := v.rules.Validate(ctx, nil, v.structural, out, before, celconfig.RuntimeCELCostBudget)
		errs = append(errs, found...)
	}
	return object.Object(out), worded(ref, errs)
}

// metadata judges an object's name, labels and annotations, which no schema describes.
func (d *Definition) metadata(o object.Object) field.ErrorList {
	at := field.NewPath("metadata")
	data, err := json.Marshal(o["metadata"])
	var meta metav1.ObjectMeta
	if err == nil {
		err = json.Unmarshal(data, &meta)
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return field.ErrorList{field.Invalid(at.Child(wrong.Field), field.OmitValueType{}, "found a "+wrong.Value+", expected a "+wrong.Type.String())}
	} else if err != nil {
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, err.Error())}
	}
	if d.Namespaced && meta.Namespace == "" {
		return field.ErrorList{field.Required(at.Child("namespace"), "objects of this kind live in a namespace")}
	}
	return apivalidation.ValidateObjectMetaAccessor(&meta, d.Namespaced, apivalidation.NameIsDNSSubdomain, at)
}

func worded(ref object.Ref, list field.ErrorList) error {
	var errs []error
	for _, e := range list {
		if e.Detail == "unknown field" {
			errs = append(errs, fmt.Errorf("%s: unknown field %s", ref, e.Field))
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %w", ref, e))
	}
	return errors.Join(errs...)
}
