{{- define "mailx.mistakes.services" -}}
{{- $mistakes := list -}}
{{- $values := .Values -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.internetPorts }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- $isProduction := eq (toString (get $values.config "NODE_ENV" | default "production")) "production" -}}
{{- if not $values.image.repository -}}
{{- $mistakes = append $mistakes "image.repository: is empty (write where your image is, as in mailx)" -}}
{{- end -}}
{{- range $name, $service := include "mailx.active" . | fromJson -}}
{{- $path := printf "services.%s" $name -}}
{{- if and $service.autoscaling.enabled $service.keda.enabled -}}
{{- $mistakes = append $mistakes (printf "%s.keda.enabled: is on beside %s.autoscaling.enabled (keep one of them)" $path $path) -}}
{{- end -}}
{{- range $kind := list "autoscaling" "keda" -}}
{{- $scaling := get $service $kind -}}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- $mistakes = append $mistakes (printf "%s.%s.minReplicas: is above maxReplicas (write %d at most)" $path $kind (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- if and $service.keda.enabled (not $values.scaling.prometheusAddress) -}}
{{- $mistakes = append $mistakes (printf "scaling.prometheusAddress: is missing, and %s.keda.enabled is on (write http://host:9090)" $path) -}}
{{- end -}}
{{- if and $service.keda.enabled (lt (int (get $values.config "LOG_PARTITIONS" | default 1)) 2) -}}
{{- $mistakes = append $mistakes (printf "%s.keda.enabled: is on, and the log has one partition: what is behind in it is done by one pod, however many there are (leave it out; config.LOG_PARTITIONS can be more only from the first start on)" $path) -}}
{{- end -}}
{{- $needed := add (int $service.preStopSeconds) (div (add (int (get $service.config "SHUTDOWN_GRACE_MS" | default 10000)) 999) 1000) 2 -}}
{{- if and (gt (int $service.terminationGracePeriodSeconds) 0) (lt (int $service.terminationGracePeriodSeconds) (int $needed)) -}}
{{- $mistakes = append $mistakes (printf "%s.terminationGracePeriodSeconds: is shorter than preStopSeconds and SHUTDOWN_GRACE_MS together, so mail under way would be cut off (write %d at least, or 0)" $path (int $needed)) -}}
{{- end -}}
{{- if get $service.config "ALLOW_PRIVATE_PEERS" -}}
{{- if $isProduction -}}
{{- $mistakes = append $mistakes (printf "%s.config.ALLOW_PRIVATE_PEERS: lets any domain make this one dial into your network (take it out, or write config.NODE_ENV: development)" $path) -}}
{{- else if and $values.networkPolicy.enabled (not $values.networkPolicy.privatePeers) -}}
{{- $mistakes = append $mistakes (printf "networkPolicy.privatePeers: is off, and %s.config.ALLOW_PRIVATE_PEERS is on: they could not be reached (set it, too)" $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $values.networkPolicy.privatePeers $isProduction -}}
{{- $mistakes = append $mistakes "networkPolicy.privatePeers: opens your network to what strangers name (take it out, or write config.NODE_ENV: development)" -}}
{{- end -}}
{{- if and $values.networkPolicy.enabled (not $values.networkPolicy.privatePeers) -}}
{{- $servers := dict -}}
{{- if $values.telemetry.endpoint }}{{ $_ := set $servers "telemetry" (include "mailx.telemetryPort" .) }}{{ end -}}
{{- if not $values.postgres.cluster.enabled }}{{ $_ := set $servers "postgres" $values.postgres.port }}{{ end -}}
{{- if not $values.nats.server.enabled }}{{ $_ := set $servers "nats" $values.nats.port }}{{ end -}}
{{- if not $values.redis.server.enabled }}{{ $_ := set $servers "redis" $values.redis.port }}{{ end -}}
{{- range $name, $port := $servers -}}
{{- range $at, $peer := get $values.networkPolicy $name -}}
{{- $cidr := dig "ipBlock" "cidr" "" $peer -}}
{{- if and (has (int $port) $ports) (regexMatch "^(10|127|169\\.254|192\\.168|172\\.(1[6-9]|2[0-9]|3[01])|100\\.(6[4-9]|[789][0-9]|1[01][0-9]|12[0-7]))\\.|^0\\.|^f[c-e]|^::" $cidr) (not (regexMatch "\\.[0-9]+/32$|:.*/128$" $cidr)) -}}
{{- $mistakes = append $mistakes (printf "networkPolicy.%s[%d]: is all of %s, and port %d is one of networkPolicy.internetPorts: other domains could name addresses in there (write a podSelector or single addresses, or another port)" $name $at $cidr (int $port)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $at, $port := $values.networkPolicy.internetPorts -}}
{{- if has (int $port) (list 22 25 53 4222 5432 6379 6443 10250) -}}
{{- $mistakes = append $mistakes (printf "networkPolicy.internetPorts[%d]: %d is no port of a peer (leave it out)" $at (int $port)) -}}
{{- end -}}
{{- end -}}
{{ toJson $mistakes }}
{{- end -}}
