{{/*
JSON: the servers that are reached by TLS, by what their variables begin with: {"secret": its Secret, "folder":
where it is mounted, "files": {variable: file}}. Takes root, and facts of a service for those that it reaches.
*/}}
{{- define "mailx.serverTls" -}}
{{- $all := dict -}}
{{- range $prefix, $server := dict "DATABASE" .root.Values.postgres "NATS" .root.Values.nats "REDIS" .root.Values.redis -}}
{{- if and $server.tls.existingSecret (or (not $.facts) (has (printf "%s_CA_FILE" $prefix) ($.facts | default dict).variables)) -}}
{{- $files := dict (printf "%s_CA_FILE" $prefix) "ca.crt" -}}
{{- if $server.tls.clientCertificate -}}
{{- $files = merge $files (dict (printf "%s_CERT_FILE" $prefix) "tls.crt" (printf "%s_KEY_FILE" $prefix) "tls.key") -}}
{{- end -}}
{{- $_ := set $all $prefix (dict "secret" $server.tls.existingSecret "folder" (printf "/etc/mailx/%s" (lower $prefix)) "files" $files) -}}
{{- end -}}
{{- end -}}
{{ toJson $all }}
{{- end -}}

{{/* JSON: the variables that name those files. */}}
{{- define "mailx.serverTlsVariables" -}}
{{- $variables := dict -}}
{{- range include "mailx.serverTls" . | fromJson -}}
{{- $folder := .folder -}}
{{- range $variable, $file := .files }}{{ $_ := set $variables $variable (printf "%s/%s" $folder $file) }}{{ end -}}
{{- end -}}
{{ toJson $variables }}
{{- end -}}

{{- define "mailx.serverTlsMounts" -}}
{{- range $prefix, $server := include "mailx.serverTls" . | fromJson }}
- name: tls-{{ lower $prefix }}
  mountPath: {{ $server.folder }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "mailx.serverTlsVolumes" -}}
{{- range $prefix, $server := include "mailx.serverTls" . | fromJson }}
- name: tls-{{ lower $prefix }}
  secret:
    secretName: {{ $server.secret }}
    defaultMode: 0440
    items:
      {{- range $server.files }}
      - key: {{ . }}
        path: {{ . }}
      {{- end }}
{{- end }}
{{- end -}}

{{/* Where programs that reach the database alone find its files. Takes root. */}}
{{- define "mailx.databaseTlsEnv" -}}
{{- range $variable, $path := include "mailx.serverTlsVariables" (dict "root" .root "facts" (dict "variables" (list "DATABASE_CA_FILE"))) | fromJson }}
- name: {{ $variable }}
  value: {{ $path }}
{{- end }}
{{- end -}}

{{/* JSON: what each service's own block sets, by its path. */}}
{{- define "mailx.serviceConfigs" -}}
{{- $configs := dict -}}
{{- range $name, $own := .Values.services }}{{ $_ := set $configs (printf "services.%s.config" $name) ($own.config | default dict) }}{{ end -}}
{{ toJson $configs }}
{{- end -}}
