{{/* What the names of the Secrets begin with in which the services' certificates are. */}}
{{- define "mailx.internalPrefix" -}}
{{ include "mailx.fullname" . }}-internal
{{- end -}}

{{/* What the certificates call this deployment. */}}
{{- define "mailx.deploymentName" -}}
{{ .Values.internalTls.deployment | default (printf "%s.%s" .Release.Namespace (include "mailx.fullname" .)) }}
{{- end -}}

{{/* The Secret with the certificate of a service; nothing where all are in one process. Takes root and name. */}}
{{- define "mailx.certificateOf" -}}
{{- if ne .root.Values.mode "all-in-one" -}}
{{- with .root.Values.internalTls.existingSecret -}}
{{ replace "{service}" $.name . }}
{{- else -}}
{{ include "mailx.internalPrefix" .root }}-{{ .name }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The pod that issues them: by the Job and by the CronJob. */}}
{{- define "mailx.certificatesPod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "mailx.labels" . | nindent 4 }}
spec:
  {{- include "mailx.pullSecrets" $root | nindent 2 }}
  restartPolicy: OnFailure
  serviceAccountName: {{ include "mailx.fullname" $root }}-certificates
  automountServiceAccountToken: true
  enableServiceLinks: false
  securityContext:
    {{- toYaml $root.Values.defaults.podSecurityContext | nindent 4 }}
  containers:
    - name: certificates
      {{- include "mailx.image" (dict "image" (omit $root.Values.image "pullSecrets") "tag" $root.Chart.AppVersion) | nindent 6 }}
      args:
        - mailxctl
        - k8s
        - certificates
        - --namespace={{ $root.Release.Namespace }}
        - --prefix={{ include "mailx.internalPrefix" $root }}
        - --deployment={{ include "mailx.deploymentName" $root }}
      resources:
        {{- toYaml $root.Values.migrations.resources | nindent 8 }}
      securityContext:
        {{- toYaml $root.Values.defaults.containerSecurityContext | nindent 8 }}
{{- end -}}
