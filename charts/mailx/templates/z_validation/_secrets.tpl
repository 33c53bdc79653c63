{{- define "mailx.mistakes.secrets" -}}
{{- $mistakes := list -}}
{{- $values := .Values -}}
{{- $keys := dict "secrets.busKey" $values.secrets.busKey "secrets.sessionKey" $values.secrets.sessionKey "secrets.keyEncryptionKey" $values.secrets.keyEncryptionKey -}}
{{- range $path, $source := $keys -}}
{{- if and (not $values.secrets.generate) (not $source.value) (not $source.existingSecret.name) -}}
{{- $mistakes = append $mistakes (printf "%s: is missing, and secrets.generate is off (write %s.existingSecret.name, or let it be generated)" $path $path) -}}
{{- end -}}
{{- if and $source.value (not (regexMatch "^[A-Za-z0-9+/]{43}=$" $source.value)) -}}
{{- $mistakes = append $mistakes (printf "%s.value: is not 32 bytes in base64 (write the output of: openssl rand -base64 32)" $path) -}}
{{- end -}}
{{- end -}}
{{- $servers := dict "postgres" (dict "source" $values.postgres.url "own" $values.postgres.cluster.enabled "switch" "postgres.cluster.enabled" "form" "^postgres(ql)?://" "write" "postgres://user:password@host:5432/database") "nats" (dict "source" $values.nats.url "own" $values.nats.server.enabled "switch" "nats.server.enabled" "form" "^(nats|tls|ws|wss)://" "write" "nats://host:4222") "redis" (dict "source" $values.redis.url "own" $values.redis.server.enabled "switch" "redis.server.enabled" "form" "^rediss?://" "write" "redis://host:6379/0") -}}
{{- range $name, $server := $servers -}}
{{- $given := or $server.source.value $server.source.existingSecret.name -}}
{{- if and (not $given) (not $server.own) -}}
{{- $mistakes = append $mistakes (printf "%s.url: is missing (write %s.url.existingSecret.name, or set %s)" $name $name $server.switch) -}}
{{- else if and $given $server.own -}}
{{- $mistakes = append $mistakes (printf "%s.url: is set beside %s (keep one of them)" $name $server.switch) -}}
{{- end -}}
{{- if and $server.source.value (not (regexMatch $server.form $server.source.value)) -}}
{{- $mistakes = append $mistakes (printf "%s.url.value: is not of the form %s" $name $server.write) -}}
{{- end -}}
{{- $_ := set $keys (printf "%s.url" $name) $server.source -}}
{{- end -}}
{{- range $path, $source := $keys -}}
{{- if and $source.value $source.existingSecret.name -}}
{{- $mistakes = append $mistakes (printf "%s: has a value and an existingSecret (keep one of them)" $path) -}}
{{- end -}}
{{- end -}}
{{- if ne $values.mode "all-in-one" -}}
{{- $tls := $values.internalTls -}}
{{- if and $tls.existingSecret $tls.certManager.enabled -}}
{{- $mistakes = append $mistakes "internalTls.existingSecret: is set beside internalTls.certManager.enabled (keep one of them)" -}}
{{- else if and $tls.existingSecret (not (contains "{service}" $tls.existingSecret)) -}}
{{- $mistakes = append $mistakes "internalTls.existingSecret: is one Secret for all services, and each has to show a certificate of its own (write {service} into the name, as in mailx-internal-{service})" -}}
{{- else if not (or $tls.existingSecret $tls.certManager.enabled $values.secrets.generate) -}}
{{- $mistakes = append $mistakes "internalTls: nobody issues the services' certificates, and secrets.generate is off (write internalTls.existingSecret, or set internalTls.certManager.enabled)" -}}
{{- end -}}
{{- end -}}
{{ toJson $mistakes }}
{{- end -}}
