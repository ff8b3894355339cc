package main

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
)

// storage is what answers the REST calls for a kind: Kubernetes' generic store with the rules of `strategy`.
func (k *kind) storage(options generic.RESTOptionsGetter) (rest.Storage, error) {
	rules := strategy{scheme, names.SimpleNameGenerator, k}
	group := k.resource.GroupResource()
	store := &registry.Store{
		NewFunc:                   k.object,
		NewListFunc:               k.list,
		DefaultQualifiedResource:  group,
		SingularQualifiedResource: schema.GroupResource{Group: group.Group, Resource: k.singular},
		CreateStrategy:            rules,
		UpdateStrategy:            rules,
		DeleteStrategy:            rules,
		TableConvertor:            rest.NewDefaultTableConvertor(group),
	}
	attributes := &generic.StoreOptions{RESTOptions: options}
	if k.resource.Resource == "events" {
		store.TableConvertor = eventTable{}
		attributes.AttrFunc = eventAttributes
	}
	return namedStore{store, k.short}, store.CompleteWithOptions(attributes)
}

// namedStore is a store that kubectl can address by short names, too.
type namedStore struct {
	*registry.Store
	short []string
}

func (s namedStore) ShortNames() []string { return s.short }

// strategy is the rules of creating and changing objects of one kind. Metadata is checked by the store
// itself; the contents of built-in kinds are not checked at all.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	kind *kind
}

func (s strategy) NamespaceScoped() bool          { return s.kind.namespaced }
func (s strategy) AllowCreateOnUpdate() bool      { return s.kind.updateCreates }
func (s strategy) AllowUnconditionalUpdate() bool { return !s.kind.updateNeedsVersion }

func (s strategy) PrepareForCreate(_ context.Context, object runtime.Object) { s.complete(object) }
func (s strategy) PrepareForUpdate(_ context.Context, object, _ runtime.Object) {
	s.complete(object)
}

func (s strategy) complete(object runtime.Object) {
	if s.kind.prepare != nil {
		s.kind.prepare(object)
	}
}

func (strategy) Canonicalize(runtime.Object)                                           {}
func (strategy) Validate(context.Context, runtime.Object) field.ErrorList              { return nil }
func (strategy) ValidateUpdate(_ context.Context, _, _ runtime.Object) field.ErrorList { return nil }
func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string             { return nil }
func (strategy) WarningsOnUpdate(_ context.Context, _, _ runtime.Object) []string      { return nil }
