{{/*
JSON: where the secret that a variable names comes from: {"name": of the Secret, "key": in it}, {"plain": the
value} when it is none here, or {} when nobody gives it and nobody makes it. Takes root, variable, and for
DATABASE_URL the facts of the service.
*/}}
{{- define "mailx.secretOf" -}}
{{- $root := .root -}}
{{- $full := include "mailx.fullname" $root -}}
{{- $values := $root.Values -}}
{{- $sources := dict "BUS_KEY" $values.secrets.busKey "SESSION_KEY" $values.secrets.sessionKey "KEY_ENCRYPTION_KEY" $values.secrets.keyEncryptionKey "MIGRATION_DATABASE_URL" $values.postgres.owner "NATS_URL" $values.nats.url "REDIS_URL" $values.redis.url -}}
{{- $source := get $sources .variable | default (dict "value" "" "existingSecret" (dict "name" "" "key" "")) -}}
{{- $made := has .variable (list "BUS_KEY" "SESSION_KEY" "KEY_ENCRYPTION_KEY") -}}
{{- $result := dict -}}
{{- if eq .variable "DATABASE_URL" -}}
{{- $result = dict "plain" (include "mailx.databaseUrl" .) -}}
{{- else if $source.value -}}
{{- $result = dict "name" (printf "%s-given" $full) "key" .variable -}}
{{- else if $source.existingSecret.name -}}
{{- $result = dict "name" $source.existingSecret.name "key" ($source.existingSecret.key | default .variable) -}}
{{- else if and (eq .variable "MIGRATION_DATABASE_URL") $values.postgres.cluster.enabled -}}
{{- $result = dict "name" (printf "%s-postgres-app" $full) "key" "uri" -}}
{{- else if and (eq .variable "NATS_URL") $values.nats.server.enabled -}}
{{- $result = dict "plain" (printf "nats://%s-nats.%s.svc:4222" $full $root.Release.Namespace) -}}
{{- else if and (eq .variable "REDIS_URL") $values.redis.server.enabled -}}
{{- $result = dict "name" ($values.redis.server.existingSecret | default (printf "%s-generated" $full)) "key" "REDIS_URL" -}}
{{- else if and $made $values.secrets.generate -}}
{{- $result = dict "name" (printf "%s-generated" $full) "key" .variable -}}
{{- end -}}
{{ toJson $result }}
{{- end -}}

{{/*
JSON: what is made of passwords that are made, by the name in the Secret. A further number of NATS servers is
a further list of routes: what is there is never written again.
*/}}
{{- define "mailx.madeOfPasswords" -}}
{{- $full := include "mailx.fullname" . -}}
{{- $made := dict -}}
{{- $redis := .Values.redis.server -}}
{{- if and $redis.enabled (not $redis.existingSecret) -}}
{{- $_ := set $made "REDIS_URL" (printf "redis://:{REDIS_PASSWORD}@%s-valkey.%s.svc:6379/0" $full .Release.Namespace) -}}
{{- $_ := set $made "users.acl" (printf "%s\n" "user default on >{REDIS_PASSWORD} ~* &* +@all -@dangerous +info") -}}
{{- end -}}
{{- $nats := .Values.nats.server -}}
{{- if and $nats.enabled (gt (int $nats.replicas) 1) (not $nats.existingSecret) -}}
{{- $routes := list -}}
{{- range $n := until (int $nats.replicas) -}}
{{- $routes = append $routes (printf "  nats://route:{NATS_ROUTE_PASSWORD}@%s-nats-%d.%s-nats:6222" $full $n $full) -}}
{{- end -}}
{{- $_ := set $made (printf "routes-%d.conf" (int $nats.replicas)) (printf "authorization { user: route, password: \"{NATS_ROUTE_PASSWORD}\", timeout: 5 }\nroutes: [\n%s\n]\n" (join "\n" $routes)) -}}
{{- end -}}
{{ toJson $made }}
{{- end -}}
