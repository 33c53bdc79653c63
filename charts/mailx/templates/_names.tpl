{{- define "mailx.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 34 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 34 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 34 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* By what a pod is selected: never changes. Takes (dict "root" $ "name" "gateway"). */}}
{{- define "mailx.selector" -}}
app.kubernetes.io/name: {{ .root.Values.nameOverride | default .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "mailx.labels" -}}
{{ include "mailx.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: mailx
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "mailx.metadata" -}}
name: {{ printf "%s-%s" (include "mailx.fullname" .root) .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "mailx.labels" . | nindent 2 }}
{{- end -}}

{{/* "registry/repository:tag", or by digest. Takes the values of an image and the tag to fall back on. */}}
{{- define "mailx.imageReference" -}}
{{- $name := .image.repository -}}
{{- if .image.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .image.registry) .image.repository }}{{ end -}}
{{- if .image.digest -}}
{{ $name }}@{{ .image.digest }}
{{- else -}}
{{ $name }}:{{ .image.tag | default .tag }}
{{- end -}}
{{- end -}}

{{/* The two lines of a container that say which image. */}}
{{- define "mailx.image" -}}
image: {{ include "mailx.imageReference" . | quote }}
imagePullPolicy: {{ ternary "IfNotPresent" .image.pullPolicy (ne .image.digest "") }}
{{- end -}}

{{- define "mailx.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* A quantity of Kubernetes, 50Gi say, in bytes; nothing for none. */}}
{{- define "mailx.bytes" -}}
{{- with . -}}
{{- $powers := dict "" 0 "k" 1 "M" 2 "G" 3 "T" 4 "P" 5 "E" 6 -}}
{{- $unit := regexFind "[kKMGTPE]i?$" . -}}
{{- $step := ternary 1024 1000 (hasSuffix "i" $unit) -}}
{{- $bytes := regexFind "^[0-9.]+" . | float64 -}}
{{- range until (get $powers (trimSuffix "i" $unit) | int) }}{{ $bytes = mulf $bytes $step }}{{ end -}}
{{- $bytes | int64 -}}
{{- end -}}
{{- end -}}
