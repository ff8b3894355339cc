package main

import (
	eventsv1 "k8s.io/api/events/v1"
	crdopenapi "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// definitions describes the built-in kinds in OpenAPI, without which server-side apply and kubectl refuse
// them. The full descriptions are generated and not among Debian's libraries, so a kind has typed metadata
// and an open body; its lists are therefore applied as a whole. Custom resources are described by their CRDs.
func definitions(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	definitions := crdopenapi.GetOpenAPIDefinitions(ref)
	objectMeta, listMeta := metav1.ObjectMeta{}.OpenAPIModelName(), metav1.ListMeta{}.OpenAPIModelName()
	describe := func(object, list runtime.Object) {
		objectName, listName := modelName(object), modelName(list)
		definitions[objectName] = common.OpenAPIDefinition{
			Schema:       openBody(ref(objectMeta)),
			Dependencies: []string{objectMeta},
		}
		listBody := openBody(ref(listMeta))
		listBody.Properties["items"] = *spec.ArrayProperty(&spec.Schema{
			SchemaProps: spec.SchemaProps{Ref: ref(objectName)},
		})
		definitions[listName] = common.OpenAPIDefinition{
			Schema:       listBody,
			Dependencies: []string{listMeta, objectName},
		}
	}
	for _, kind := range kinds {
		describe(kind.object(), kind.list())
	}
	describe(&eventsv1.Event{}, &eventsv1.EventList{})
	return definitions
}

func openBody(metadata spec.Ref) spec.Schema {
	return spec.Schema{
		VendorExtensible: spec.VendorExtensible{
			Extensions: spec.Extensions{"x-kubernetes-preserve-unknown-fields": true},
		},
		SchemaProps: spec.SchemaProps{
			Type: []string{"object"},
			Properties: map[string]spec.Schema{
				"apiVersion": *spec.StringProperty(),
				"kind":       *spec.StringProperty(),
				"metadata":   {SchemaProps: spec.SchemaProps{Default: map[string]any{}, Ref: metadata}},
			},
		},
	}
}

func modelName(object runtime.Object) string {
	return object.(interface{ OpenAPIModelName() string }).OpenAPIModelName()
}
