package main

import (
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

// systemNamespaces exist from the start and cannot be deleted. The uid of kube-system is what controllers
// take for the identity of a cluster.
var systemNamespaces = []string{
	metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic, "kube-node-lease",
}

// makeSystemNamespaces runs when the server answers; /readyz says so only once it has succeeded.
func (s *shared) makeSystemNamespaces(hook genericapiserver.PostStartHookContext) error {
	for _, name := range systemNamespaces {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		_, err := s.client.CoreV1().Namespaces().Create(hook, namespace, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// prepareNamespace gives a namespace what the real server gives it: a phase, and its name as a label.
func prepareNamespace(object runtime.Object) {
	namespace := object.(*corev1.Namespace)
	namespace.Status.Phase = corev1.NamespaceActive
	metav1.SetMetaDataLabel(&namespace.ObjectMeta, corev1.LabelMetadataName, namespace.Name)
}
