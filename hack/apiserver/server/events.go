package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
)

// An Event has two faces: clients of today write it as events.k8s.io/v1, and `kubectl describe` reads it as
// core v1. It is one object, stored as core v1, so the other face is a conversion.

func toCore(in *eventsv1.Event, out *corev1.Event) {
	*out = corev1.Event{
		ObjectMeta:          in.ObjectMeta,
		InvolvedObject:      in.Regarding,
		Related:             in.Related,
		Reason:              in.Reason,
		Message:             in.Note,
		Type:                in.Type,
		Action:              in.Action,
		EventTime:           in.EventTime,
		ReportingController: in.ReportingController,
		ReportingInstance:   in.ReportingInstance,
		Source:              in.DeprecatedSource,
		FirstTimestamp:      in.DeprecatedFirstTimestamp,
		LastTimestamp:       in.DeprecatedLastTimestamp,
		Count:               in.DeprecatedCount,
	}
	if in.Series != nil {
		out.Series = &corev1.EventSeries{Count: in.Series.Count, LastObservedTime: in.Series.LastObservedTime}
	}
}

func fromCore(in *corev1.Event, out *eventsv1.Event) {
	*out = eventsv1.Event{
		ObjectMeta:               in.ObjectMeta,
		Regarding:                in.InvolvedObject,
		Related:                  in.Related,
		Reason:                   in.Reason,
		Note:                     in.Message,
		Type:                     in.Type,
		Action:                   in.Action,
		EventTime:                in.EventTime,
		ReportingController:      in.ReportingController,
		ReportingInstance:        in.ReportingInstance,
		DeprecatedSource:         in.Source,
		DeprecatedFirstTimestamp: in.FirstTimestamp,
		DeprecatedLastTimestamp:  in.LastTimestamp,
		DeprecatedCount:          in.Count,
	}
	if in.Series != nil {
		out.Series = &eventsv1.EventSeries{Count: in.Series.Count, LastObservedTime: in.Series.LastObservedTime}
	}
}

func addEventConversions(scheme *runtime.Scheme) error {
	conversions := []struct {
		from, to any
		convert  conversion.ConversionFunc
	}{
		{(*eventsv1.Event)(nil), (*corev1.Event)(nil), func(from, to any, _ conversion.Scope) error {
			toCore(from.(*eventsv1.Event), to.(*corev1.Event))
			return nil
		}},
		{(*corev1.Event)(nil), (*eventsv1.Event)(nil), func(from, to any, _ conversion.Scope) error {
			fromCore(from.(*corev1.Event), to.(*eventsv1.Event))
			return nil
		}},
		{(*eventsv1.EventList)(nil), (*corev1.EventList)(nil), func(from, to any, _ conversion.Scope) error {
			in, out := from.(*eventsv1.EventList), to.(*corev1.EventList)
			out.ListMeta, out.Items = in.ListMeta, make([]corev1.Event, len(in.Items))
			for i := range in.Items {
				toCore(&in.Items[i], &out.Items[i])
			}
			return nil
		}},
		{(*corev1.EventList)(nil), (*eventsv1.EventList)(nil), func(from, to any, _ conversion.Scope) error {
			in, out := from.(*corev1.EventList), to.(*eventsv1.EventList)
			out.ListMeta, out.Items = in.ListMeta, make([]eventsv1.Event, len(in.Items))
			for i := range in.Items {
				fromCore(&in.Items[i], &out.Items[i])
			}
			return nil
		}},
	}
	for _, c := range conversions {
		if err := scheme.AddConversionFunc(c.from, c.to, c.convert); err != nil {
			return err
		}
	}
	if err := scheme.AddFieldLabelConversionFunc(
		corev1.SchemeGroupVersion.WithKind("Event"), eventField("involvedObject")); err != nil {
		return err
	}
	return scheme.AddFieldLabelConversionFunc(
		eventsv1.SchemeGroupVersion.WithKind("Event"), eventField("regarding"))
}

// eventAttributes are the fields by which events can be selected: `kubectl describe` asks for the events of
// one object in this way.
func eventAttributes(object runtime.Object) (labels.Set, fields.Set, error) {
	event, ok := object.(*corev1.Event)
	if !ok {
		return nil, nil, fmt.Errorf("%T is no Event", object)
	}
	about := event.InvolvedObject
	set := fields.Set{
		"involvedObject.apiVersion":      about.APIVersion,
		"involvedObject.kind":            about.Kind,
		"involvedObject.namespace":       about.Namespace,
		"involvedObject.name":            about.Name,
		"involvedObject.uid":             string(about.UID),
		"involvedObject.resourceVersion": about.ResourceVersion,
		"involvedObject.fieldPath":       about.FieldPath,
		"reason":                         event.Reason,
		"type":                           event.Type,
		"source":                         event.Source.Component,
		"reportingComponent":             event.ReportingController,
	}
	return event.Labels, generic.AddObjectMetaFieldsSet(set, &event.ObjectMeta, true), nil
}

// eventField translates the name of a selectable field of one face to that of the stored event.
func eventField(reference string) runtime.FieldLabelConversionFunc {
	names := map[string]string{"metadata.name": "metadata.name", "metadata.namespace": "metadata.namespace"}
	for _, name := range []string{"reason", "type", "source", "reportingComponent"} {
		names[name] = name
	}
	for _, name := range []string{"apiVersion", "kind", "namespace", "name", "uid", "resourceVersion", "fieldPath"} {
		names[reference+"."+name] = "involvedObject." + name
	}
	names["reportingController"] = "reportingComponent"
	return func(name, value string) (string, string, error) {
		if stored, ok := names[name]; ok {
			return stored, value, nil
		}
		return "", "", fmt.Errorf("events cannot be selected by the field %q", name)
	}
}
