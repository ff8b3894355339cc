package main

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// kind is a built-in kind. A new one is a row of the table below; if nothing acts on its objects, they are
// merely stored.
type kind struct {
	resource   schema.GroupVersionResource
	singular   string
	short      []string
	namespaced bool
	object     func() runtime.Object
	list       func() runtime.Object

	// updateCreates: PUT of an object that does not exist creates it.
	updateCreates bool
	// updateNeedsVersion: PUT must carry a resourceVersion.
	updateNeedsVersion bool
	// prepare completes an object before it is stored.
	prepare func(runtime.Object)
	// alsoIn is a second API group that serves the same objects.
	alsoIn string
}

var kinds = []kind{
	{
		resource: corev1.SchemeGroupVersion.WithResource("namespaces"),
		singular: "namespace", short: []string{"ns"},
		object:  func() runtime.Object { return &corev1.Namespace{} },
		list:    func() runtime.Object { return &corev1.NamespaceList{} },
		prepare: prepareNamespace,
	},
	{
		resource: corev1.SchemeGroupVersion.WithResource("configmaps"),
		singular: "configmap", short: []string{"cm"}, namespaced: true,
		object: func() runtime.Object { return &corev1.ConfigMap{} },
		list:   func() runtime.Object { return &corev1.ConfigMapList{} },
	},
	{
		resource: corev1.SchemeGroupVersion.WithResource("secrets"),
		singular: "secret", namespaced: true,
		object:  func() runtime.Object { return &corev1.Secret{} },
		list:    func() runtime.Object { return &corev1.SecretList{} },
		prepare: prepareSecret,
	},
	{
		resource: corev1.SchemeGroupVersion.WithResource("events"),
		singular: "event", namespaced: true,
		object:        func() runtime.Object { return &corev1.Event{} },
		list:          func() runtime.Object { return &corev1.EventList{} },
		updateCreates: true,
		alsoIn:        eventsv1.GroupName,
	},
	{
		resource: coordinationv1.SchemeGroupVersion.WithResource("leases"),
		singular: "lease", namespaced: true,
		object:             func() runtime.Object { return &coordinationv1.Lease{} },
		list:               func() runtime.Object { return &coordinationv1.LeaseList{} },
		updateCreates:      true,
		updateNeedsVersion: true,
	},
}

// storedVersions are the versions in which objects lie in etcd. Events of both groups lie there as core ones.
var storedVersions = []schema.GroupVersion{corev1.SchemeGroupVersion, coordinationv1.SchemeGroupVersion}

var (
	scheme = newScheme()
	codecs = serializer.NewCodecFactory(scheme)
)

// newScheme is the register of Go types by API version. Kubernetes' machinery converts each version to and
// from an "internal" one; here the internal types are simply those of v1.
func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(coordinationv1.AddToScheme(scheme))
	utilruntime.Must(eventsv1.AddToScheme(scheme))
	utilruntime.Must(addEventConversions(scheme))
	utilruntime.Must(scheme.SetVersionPriority(corev1.SchemeGroupVersion))
	for _, kind := range kinds {
		for _, group := range kind.groups() {
			internal := schema.GroupVersion{Group: group, Version: runtime.APIVersionInternal}
			scheme.AddKnownTypes(internal, kind.object(), kind.list())
		}
	}

	// Answers that are not objects of a kind, of every group.
	unversioned := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(scheme, unversioned)
	scheme.AddUnversionedTypes(unversioned, &metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{},
		&metav1.APIGroup{}, &metav1.APIResourceList{}, &metav1.WatchEvent{})
	return scheme
}

func (k *kind) groups() []string {
	if k.alsoIn == "" {
		return []string{k.resource.Group}
	}
	return []string{k.resource.Group, k.alsoIn}
}

// prepareSecret moves the write-only stringData into data, as the real server does.
func prepareSecret(object runtime.Object) {
	secret := object.(*corev1.Secret)
	if len(secret.StringData) > 0 && secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	for key, value := range secret.StringData {
		secret.Data[key] = []byte(value)
	}
	secret.StringData = nil
	if secret.Type == "" {
		secret.Type = corev1.SecretTypeOpaque
	}
}
