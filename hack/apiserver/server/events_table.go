package main

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
)

// eventTable is what `kubectl get events` prints: the columns of the real server.
type eventTable struct{}

func (eventTable) ConvertToTable(_ context.Context, object, options runtime.Object) (*metav1.Table, error) {
	table := &metav1.Table{}
	var events []runtime.Object
	if list, ok := object.(*corev1.EventList); ok {
		table.ListMeta = list.ListMeta
		for i := range list.Items {
			events = append(events, &list.Items[i])
		}
	} else {
		one, err := meta.CommonAccessor(object)
		if err != nil {
			return nil, err
		}
		table.ResourceVersion = one.GetResourceVersion()
		events = append(events, object)
	}
	for _, object := range events {
		event := object.(*corev1.Event)
		about := strings.ToLower(event.InvolvedObject.Kind) + "/" + event.InvolvedObject.Name
		table.Rows = append(table.Rows, metav1.TableRow{
			Cells:  []any{lastSeen(event), event.Type, event.Reason, about, event.Message, event.Name},
			Object: runtime.RawExtension{Object: object},
		})
	}
	if wanted, ok := options.(*metav1.TableOptions); !ok || !wanted.NoHeaders {
		table.ColumnDefinitions = []metav1.TableColumnDefinition{
			{Name: "Last Seen", Type: "string"},
			{Name: "Type", Type: "string"},
			{Name: "Reason", Type: "string"},
			{Name: "Object", Type: "string"},
			{Name: "Message", Type: "string"},
			// Shown by `-o wide` and `-o name`.
			{Name: "Name", Type: "string", Format: "name", Priority: 1},
		}
	}
	return table, nil
}

// lastSeen is the age of the newest of the times that writers of different ages fill in.
func lastSeen(event *corev1.Event) string {
	latest := event.CreationTimestamp.Time
	times := []time.Time{event.EventTime.Time, event.FirstTimestamp.Time, event.LastTimestamp.Time}
	if event.Series != nil {
		times = append(times, event.Series.LastObservedTime.Time)
	}
	for _, seen := range times {
		if seen.After(latest) {
			latest = seen
		}
	}
	return duration.HumanDuration(time.Since(latest))
}
