package main

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
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
	// What a Helm chart consists of, for its fields to be checked: nothing runs.
	{
		resource: corev1.SchemeGroupVersion.WithResource("pods"),
		singular: "pod", short: []string{"po"}, namespaced: true,
		object: func() runtime.Object { return &corev1.Pod{} },
		list:   func() runtime.Object { return &corev1.PodList{} },
	},
	{
		resource: corev1.SchemeGroupVersion.WithResource("services"),
		singular: "service", short: []string{"svc"}, namespaced: true,
		object: func() runtime.Object { return &corev1.Service{} },
		list:   func() runtime.Object { return &corev1.ServiceList{} },
	},
	{
		resource: corev1.SchemeGroupVersion.WithResource("serviceaccounts"),
		singular: "serviceaccount", short: []string{"sa"}, namespaced: true,
		object: func() runtime.Object { return &corev1.ServiceAccount{} },
		list:   func() runtime.Object { return &corev1.ServiceAccountList{} },
	},
	{
		resource: appsv1.SchemeGroupVersion.WithResource("deployments"),
		singular: "deployment", short: []string{"deploy"}, namespaced: true,
		object: func() runtime.Object { return &appsv1.Deployment{} },
		list:   func() runtime.Object { return &appsv1.DeploymentList{} },
	},
	{
		resource: autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers"),
		singular: "horizontalpodautoscaler", short: []string{"hpa"}, namespaced: true,
		object: func() runtime.Object { return &autoscalingv2.HorizontalPodAutoscaler{} },
		list:   func() runtime.Object { return &autoscalingv2.HorizontalPodAutoscalerList{} },
	},
	{
		resource: networkingv1.SchemeGroupVersion.WithResource("ingresses"),
		singular: "ingress", short: []string{"ing"}, namespaced: true,
		object: func() runtime.Object { return &networkingv1.Ingress{} },
		list:   func() runtime.Object { return &networkingv1.IngressList{} },
	},
	{
		resource: networkingv1.SchemeGroupVersion.WithResource("networkpolicies"),
		singular: "networkpolicy", short: []string{"netpol"}, namespaced: true,
		object: func() runtime.Object { return &networkingv1.NetworkPolicy{} },
		list:   func() runtime.Object { return &networkingv1.NetworkPolicyList{} },
	},
	{
		resource: policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets"),
		singular: "poddisruptionbudget", short: []string{"pdb"}, namespaced: true,
		object: func() runtime.Object { return &policyv1.PodDisruptionBudget{} },
		list:   func() runtime.Object { return &policyv1.PodDisruptionBudgetList{} },
	},
	{
		resource: rbacv1.SchemeGroupVersion.WithResource("clusterroles"),
		singular: "clusterrole",
		object:   func() runtime.Object { return &rbacv1.ClusterRole{} },
		list:     func() runtime.Object { return &rbacv1.ClusterRoleList{} },
	},
	{
		resource: rbacv1.SchemeGroupVersion.WithResource("clusterrolebindings"),
		singular: "clusterrolebinding",
		object:   func() runtime.Object { return &rbacv1.ClusterRoleBinding{} },
		list:     func() runtime.Object { return &rbacv1.ClusterRoleBindingList{} },
	},
	{
		resource: rbacv1.SchemeGroupVersion.WithResource("roles"),
		singular: "role", namespaced: true,
		object: func() runtime.Object { return &rbacv1.Role{} },
		list:   func() runtime.Object { return &rbacv1.RoleList{} },
	},
	{
		resource: rbacv1.SchemeGroupVersion.WithResource("rolebindings"),
		singular: "rolebinding", namespaced: true,
		object: func() runtime.Object { return &rbacv1.RoleBinding{} },
		list:   func() runtime.Object { return &rbacv1.RoleBindingList{} },
	},
}

// storedVersions are the versions in which objects lie in etcd. Events of both groups lie there as core ones.
var storedVersions = []schema.GroupVersion{
	corev1.SchemeGroupVersion,
	appsv1.SchemeGroupVersion,
	autoscalingv2.SchemeGroupVersion,
	coordinationv1.SchemeGroupVersion,
	networkingv1.SchemeGroupVersion,
	policyv1.SchemeGroupVersion,
	rbacv1.SchemeGroupVersion,
}

var (
	scheme = newScheme()
	codecs = serializer.NewCodecFactory(scheme)
)

// newScheme is the register of Go types by API version. Kubernetes' machinery converts each version to and
// from an "internal" one; here the internal types are simply those that are served.
func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme,
		appsv1.AddToScheme,
		autoscalingv2.AddToScheme,
		coordinationv1.AddToScheme,
		eventsv1.AddToScheme,
		networkingv1.AddToScheme,
		policyv1.AddToScheme,
		rbacv1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
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

// versions are the groups, each in the kind's one version.
func (k *kind) versions() []schema.GroupVersion {
	var versions []schema.GroupVersion
	for _, group := range k.groups() {
		versions = append(versions, schema.GroupVersion{Group: group, Version: k.resource.Version})
	}
	return versions
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
