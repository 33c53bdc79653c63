{{/* The Secret with a process's password and seed. Takes root and name. */}}
{{- define "mailx.accessOf" -}}
{{- with .root.Values.access.existingSecret -}}
{{ replace "{service}" $.name . }}
{{- else -}}
{{ include "mailx.fullname" .root }}-access-{{ .name }}
{{- end -}}
{{- end -}}

{{/* "yes" where the chart's Job makes passwords and seeds. */}}
{{- define "mailx.accessIsMade" -}}
{{- if and (not .Values.access.existingSecret) .Values.secrets.generate }}yes{{ end -}}
{{- end -}}

{{/* host:5432/database, and what follows. */}}
{{- define "mailx.databaseAddress" -}}
{{- if .Values.postgres.cluster.enabled -}}
{{ include "mailx.fullname" . }}-postgres-rw.{{ .Release.Namespace }}.svc:5432/mailx
{{- else -}}
{{ .Values.postgres.address }}
{{- end -}}
{{- end -}}

{{/* What the names of roles begin with. */}}
{{- define "mailx.rolePrefix" -}}
{{ .Values.postgres.rolePrefix | default (regexFind "/[^/?]*" (include "mailx.databaseAddress" .) | trimPrefix "/") }}
{{- end -}}

{{/* The way of a service's own role into the database. Takes root and facts. */}}
{{- define "mailx.databaseUrl" -}}
postgres://{{ include "mailx.rolePrefix" .root }}{{ .facts.role }}@{{ include "mailx.databaseAddress" .root }}
{{- end -}}

{{/* Ends when the service's role finds its tables, of this version. Takes root, name, service and facts. */}}
{{- define "mailx.waitForDatabase" -}}
{{- $root := .root -}}
- name: wait-for-database
  {{- include "mailx.image" (dict "image" .service.image "tag" $root.Chart.AppVersion) | nindent 2 }}
  args: [all-in-one, wait-for-database, {{ .name }}]
  env:
    - name: DATABASE_URL
      value: {{ include "mailx.databaseUrl" . | quote }}
    - name: DATABASE_PASSWORD_FILE
      value: /etc/mailx/secrets/DATABASE_PASSWORD
    {{- include "mailx.databaseTlsEnv" . | nindent 4 }}
  resources:
    {{- toYaml $root.Values.migrations.resources | nindent 4 }}
  securityContext:
    {{- toYaml .service.containerSecurityContext | nindent 4 }}
  volumeMounts:
    - name: tmp
      mountPath: /tmp
    # Nothing else of what the service is given.
    - name: secrets
      mountPath: /etc/mailx/secrets/DATABASE_PASSWORD
      subPath: DATABASE_PASSWORD
      readOnly: true
    {{- include "mailx.serverTlsMounts" (dict "root" $root "facts" (dict "variables" (list "DATABASE_CA_FILE"))) | nindent 4 }}
{{- end -}}

{{/*
An account by which a Job makes Secrets of these names and no others, and the way to the API. Takes root,
name, secrets and verbs.
*/}}
{{- define "mailx.secretMaker" -}}
{{- $full := include "mailx.fullname" .root -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "mailx.metadata" . | nindent 2 }}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "mailx.metadata" . | nindent 2 }}
rules:
  # What is to be created has no name yet that a rule could tell.
  - apiGroups: [""]
    resources: [secrets]
    verbs: [create]
  - apiGroups: [""]
    resources: [secrets]
    resourceNames:
      {{- toYaml (.secrets | sortAlpha) | nindent 6 }}
    verbs: {{ toJson .verbs }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "mailx.metadata" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $full }}-{{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ $full }}-{{ .name }}
    namespace: {{ .root.Release.Namespace }}
{{- if .root.Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "mailx.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "mailx.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "mailx.toNameServers" .root | nindent 4 }}
    # The API server has no labels to go by.
    - ports:
        - port: 443
        - port: 6443
{{- end }}
{{- end -}}

{{/* A rule of a NetworkPolicy. */}}
{{- define "mailx.toNameServers" -}}
- to:
    {{- toYaml .Values.networkPolicy.dns | nindent 4 }}
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end -}}

{{/* Where traces go: 4318 of http://collector:4318. */}}
{{- define "mailx.telemetryPort" -}}
{{- $endpoint := .Values.telemetry.endpoint -}}
{{- $host := regexReplaceAll "^https?://" $endpoint "" -}}
{{ regexFind ":[0-9]+(/|$)" $host | trimPrefix ":" | trimSuffix "/" | default (ternary "443" "80" (hasPrefix "https://" $endpoint)) }}
{{- end -}}

{{/* A rule of a NetworkPolicy, for who speaks with Postgres. */}}
{{- define "mailx.toPostgres" -}}
- to:
    {{- if .Values.postgres.cluster.enabled }}
    - podSelector:
        matchLabels:
          cnpg.io/cluster: {{ include "mailx.fullname" . }}-postgres
    {{- else }}
    {{- toYaml .Values.networkPolicy.postgres | nindent 4 }}
    {{- end }}
  ports:
    - port: {{ ternary 5432 .Values.postgres.port .Values.postgres.cluster.enabled }}
{{- end -}}

{{/* The name of a Job with its hash, in the labels of what it does. Takes root, name and hash. */}}
{{- define "mailx.jobMetadata" -}}
{{- include "mailx.metadata" . | replace (printf "name: %s-%s\n" (include "mailx.fullname" .root) .name) (printf "name: %s-%s-%s\n" (include "mailx.fullname" .root) .name .hash) -}}
{{- end -}}
