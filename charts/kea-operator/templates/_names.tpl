{{/* Names and labels. Name, selector and roles are those of the Go operator's chart, so that a release of it can be
     upgraded: the selector of a Deployment cannot change. */}}

{{- define "kea-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "kea-operator.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $made := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $made | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "kea-operator.selector" -}}
app.kubernetes.io/name: {{ include "kea-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The pod of `helm test` must not be one of the Deployment or the Service. */}}
{{- define "kea-operator.testSelector" -}}
app.kubernetes.io/name: {{ printf "%s-test" (include "kea-operator.name" .) | trunc 63 }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of everything but what the selector must not find. */}}
{{- define "kea-operator.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "kea-operator.labels" -}}
{{ include "kea-operator.selector" . }}
{{ include "kea-operator.commonLabels" . }}
{{- end -}}

{{- define "kea-operator.serviceAccountName" -}}
{{- $default := ternary (include "kea-operator.fullname" .) "default" .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default $default -}}
{{- end -}}

{{/* Whether image.repository is one of the Go operator's: a values file of its chart may say so. */}}
{{- define "kea-operator.isGoImage" -}}
{{- if regexMatch "(^|/)vitistack/(viti-)?kea-operator$" .Values.image.repository -}}
true
{{- end -}}
{{- end -}}

{{- define "kea-operator.image" -}}
{{- if include "kea-operator.isGoImage" . -}}
kea-operator/kea-operator:{{ .Chart.AppVersion }}
{{- else if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Whether a switch is on: values files of the Go operator's chart have them as texts. */}}
{{- define "kea-operator.isOn" -}}
{{- if eq (toString .) "true" -}}true{{- end -}}
{{- end -}}
