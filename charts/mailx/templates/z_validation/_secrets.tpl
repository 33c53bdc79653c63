{{- define "mailx.mistakes.secrets" -}}
{{- $mistakes := list -}}
{{- $values := .Values -}}
{{- $keys := dict "secrets.busKey" $values.secrets.busKey "secrets.sessionKey" $values.secrets.sessionKey "secrets.keyEncryptionKey" $values.secrets.keyEncryptionKey -}}
{{- range $path, $source := $keys -}}
{{- if and (not $values.secrets.generate) (not $source.value) (not $source.existingSecret.name) -}}
{{- $mistakes = append $mistakes (printf "%s: is missing, and secrets.generate is off (write %s.existingSecret.name, or let it be generated)" $path $path) -}}
{{- end -}}
{{- $key := "[A-Za-z0-9+/]{43}=" -}}
{{- $form := eq $path "secrets.keyEncryptionKey" | ternary (printf "^%s$" $key) (printf "^%s(\\s+%s)?\\s*$" $key $key) -}}
{{- if and $source.value (not (regexMatch $form $source.value)) -}}
{{- $mistakes = append $mistakes (printf "%s.value: is not 32 bytes in base64 (write the output of: openssl rand -base64 32)" $path) -}}
{{- end -}}
{{- end -}}
{{- $servers := dict "nats" (dict "source" $values.nats.url "own" $values.nats.server.enabled "switch" "nats.server.enabled" "form" "^(nats|tls|ws|wss)://" "write" "nats://host:4222") "redis" (dict "source" $values.redis.url "own" $values.redis.server.enabled "switch" "redis.server.enabled" "form" "^rediss?://" "write" "redis://host:6379/0") -}}
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
{{- range $name, $server := dict "postgres" (dict "prefix" "DATABASE" "tls" $values.postgres.tls) "nats" (dict "prefix" "NATS" "tls" $values.nats.tls "plain" $values.nats.server.enabled) "redis" (dict "prefix" "REDIS" "tls" $values.redis.tls "plain" $values.redis.server.enabled) -}}
{{- if and $server.tls.clientCertificate (not $server.tls.existingSecret) -}}
{{- $mistakes = append $mistakes (printf "%s.tls.clientCertificate: is set, and no Secret is named that has it (write %s.tls.existingSecret)" $name $name) -}}
{{- end -}}
{{- if and $server.tls.existingSecret $server.plain -}}
{{- $mistakes = append $mistakes (printf "%s.tls.existingSecret: asks for TLS, which the server of %s.server.enabled does not speak (leave it out, or run a server with TLS and name it in %s.url)" $name $name $name) -}}
{{- end -}}
{{- range $path, $config := merge (dict "config" $values.config) (include "mailx.serviceConfigs" $ | fromJson) -}}
{{- range $end := list "CA_FILE" "CERT_FILE" "KEY_FILE" -}}
{{- $variable := printf "%s_%s" $server.prefix $end -}}
{{- if and $server.tls.existingSecret (hasKey $config $variable) -}}
{{- $mistakes = append $mistakes (printf "%s.%s: is set beside %s.tls.existingSecret (keep one of them)" $path $variable $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $values.redis.tls.existingSecret $values.redis.url.value (not (hasPrefix "rediss://" $values.redis.url.value)) -}}
{{- $mistakes = append $mistakes "redis.url.value: is not of the form rediss://host:6379/0, and redis.tls.existingSecret asks for TLS" -}}
{{- end -}}
{{- range $name, $server := dict "redis" (dict "needs" $values.redis.server.enabled "of" $values.redis.server "files" "REDIS_URL and users.acl") "nats" (dict "needs" (and $values.nats.server.enabled (gt (int $values.nats.server.replicas) 1)) "of" $values.nats.server "files" "routes.conf") -}}
{{- if and $server.needs (not $server.of.existingSecret) (not $values.secrets.generate) -}}
{{- $mistakes = append $mistakes (printf "%s.server.existingSecret: is missing, and secrets.generate is off (write the name of a Secret with %s)" $name $server.files) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "://[^/,]*@" $values.nats.url.value -}}
{{- $mistakes = append $mistakes "nats.url.value: names a user, and each service has one of its own, which it shows by a key (leave out what is before @)" -}}
{{- end -}}
{{- $_ := set $keys "postgres.owner" $values.postgres.owner -}}
{{- range $path, $source := $keys -}}
{{- if and $source.value $source.existingSecret.name -}}
{{- $mistakes = append $mistakes (printf "%s: has a value and an existingSecret (keep one of them)" $path) -}}
{{- end -}}
{{- end -}}
{{- $mistakes = concat $mistakes (include "mailx.mistakes.postgres" . | fromJsonArray) (include "mailx.mistakes.access" . | fromJsonArray) -}}
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

{{- define "mailx.mistakes.postgres" -}}
{{- $mistakes := list -}}
{{- $postgres := .Values.postgres -}}
{{- $owner := or $postgres.owner.value $postgres.owner.existingSecret.name -}}
{{- if $postgres.cluster.enabled -}}
{{- if $postgres.address -}}
{{- $mistakes = append $mistakes "postgres.address: is set beside postgres.cluster.enabled (keep one of them)" -}}
{{- end -}}
{{- if $owner -}}
{{- $mistakes = append $mistakes "postgres.owner: is set beside postgres.cluster.enabled, whose operator gives it (leave it out)" -}}
{{- end -}}
{{- else -}}
{{- if not $postgres.address -}}
{{- $mistakes = append $mistakes "postgres.address: is missing (write host:5432/database, or set postgres.cluster.enabled)" -}}
{{- else if not (regexMatch "^(\\[[0-9a-f:]+\\]|[^:/@?]+):[0-9]+/[^/?@]+([?].*)?$" $postgres.address) -}}
{{- $mistakes = append $mistakes "postgres.address: is not of the form host:5432/database (leave out postgres://, user and password: each service has its own)" -}}
{{- else -}}
{{- $port := regexFind ":[0-9]+/" $postgres.address | trimPrefix ":" | trimSuffix "/" | atoi -}}
{{- if ne $port (int $postgres.port) -}}
{{- $mistakes = append $mistakes (printf "postgres.port: is %d, and postgres.address names port %d (write %d: it is for the NetworkPolicy)" (int $postgres.port) $port $port) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z][a-z0-9_]*$" (include "mailx.rolePrefix" .)) -}}
{{- $mistakes = append $mistakes (printf "postgres.rolePrefix: is missing, and the database's name %s is none that roles could begin with (write small letters, digits and _)" (include "mailx.rolePrefix" .)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.migrations.enabled (not $owner) -}}
{{- $mistakes = append $mistakes "postgres.owner: is missing, and migrations need it (write postgres.owner.existingSecret.name, or set migrations.enabled to false and run prepare-database yourself)" -}}
{{- end -}}
{{- if and $postgres.owner.value (not (regexMatch "^postgres(ql)?://" $postgres.owner.value)) -}}
{{- $mistakes = append $mistakes "postgres.owner.value: is not of the form postgres://owner:password@host:5432/database" -}}
{{- end -}}
{{- end -}}
{{ toJson $mistakes }}
{{- end -}}

{{- define "mailx.mistakes.access" -}}
{{- $mistakes := list -}}
{{- $existing := .Values.access.existingSecret -}}
{{- $server := .Values.nats.server -}}
{{- if and $existing (not (contains "{service}" $existing)) -}}
{{- $mistakes = append $mistakes "access.existingSecret: is one Secret for all services, and each has a password and a seed of its own (write {service} into the name, as in mailx-access-{service})" -}}
{{- else if not (or $existing .Values.secrets.generate) -}}
{{- $mistakes = append $mistakes "access.existingSecret: is missing, and secrets.generate is off (write the name of Secrets as `mailxctl k8s access` makes them, with {service} in it)" -}}
{{- end -}}
{{- if and $server.publicKeys (not (and $existing $server.enabled)) -}}
{{- $mistakes = append $mistakes "nats.server.publicKeys: is for nats.server.enabled with access.existingSecret (leave it out)" -}}
{{- else if and $existing $server.enabled -}}
{{- range $name, $_ := include "mailx.active" . | fromJson -}}
{{- if not (hasKey $server.publicKeys $name) -}}
{{- $mistakes = append $mistakes (printf "nats.server.publicKeys.%s: is missing, and the seed comes from access.existingSecret (write what `mailxctl access` prints for it, U…)" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toJson $mistakes }}
{{- end -}}
