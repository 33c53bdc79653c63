{{/* What each service reads, calls and serves, off its config schema. */}}
{{- define "mailx.facts" -}}
{{ .Files.Get "files/services.json" }}
{{- end -}}

{{/*
JSON: the services that run, by name; each with what its block leaves out taken from `defaults`, its
image whole, its variables over those of all.
*/}}
{{- define "mailx.active" -}}
{{- $active := dict -}}
{{- $whole := eq .Values.mode "all-in-one" -}}
{{- range $name, $own := .Values.services -}}
{{- if and $own.enabled (eq $whole (eq $name "all-in-one")) -}}
{{- $block := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy $own) -}}
{{- $image := mergeOverwrite (deepCopy (omit $.Values.image "pullSecrets")) (deepCopy ($block.image | default dict)) -}}
{{- if and $own.image (hasKey ($own.image | default dict) "tag") (not (hasKey $own.image "digest")) -}}
{{- $_ := set $image "digest" "" -}}
{{- end -}}
{{- $_ := set $block "image" $image -}}
{{- $_ := set $block "config" (mergeOverwrite (deepCopy $.Values.config) (deepCopy ($own.config | default dict))) -}}
{{- $_ := set $active $name $block -}}
{{- end -}}
{{- end -}}
{{ toJson $active }}
{{- end -}}

{{/* Which component answers at a door: the service, or all of them. */}}
{{- define "mailx.behindDoor" -}}
{{- if eq .root.Values.mode "all-in-one" -}}
all-in-one
{{- else -}}
{{ ternary "inbound-federation" "gateway" (eq .door "peer") }}
{{- end -}}
{{- end -}}

{{/* JSON: by door, the port of its container, its name, and host and port outside. */}}
{{- define "mailx.doors" -}}
{{- $ends := dict "peer" .Values.endpoints.peer "client" .Values.endpoints.client "wellKnown" (trimPrefix "https://" .Values.endpoints.http) -}}
{{- $inside := dict "peer" 8443 "client" 8444 "wellKnown" 8445 -}}
{{- $names := dict "peer" "peer" "client" "client" "wellKnown" "well-known" -}}
{{- $doors := dict -}}
{{- range $door, $end := $ends -}}
{{- $parts := splitList ":" $end -}}
{{- $_ := set $doors $door (dict "name" (get $names $door) "inside" (get $inside $door) "host" (first $parts) "port" (last $parts | atoi) "component" (include "mailx.behindDoor" (dict "root" $ "door" $door))) -}}
{{- end -}}
{{ toJson $doors }}
{{- end -}}

{{/* JSON: what a door's host is called for each domain. */}}
{{- define "mailx.hostsOf" -}}
{{- $hosts := list -}}
{{- range .root.Values.domains -}}
{{- $hosts = append $hosts (replace "{domain}" . $.host) -}}
{{- end -}}
{{ toJson (uniq $hosts) }}
{{- end -}}

{{/* A value of a variable as text. */}}
{{- define "mailx.text" -}}
{{- if kindIs "slice" . -}}
{{- $items := list -}}
{{- range . }}{{ $items = append $items (ternary . (toJson .) (kindIs "string" .)) }}{{ end -}}
{{ join "," $items }}
{{- else if kindIs "string" . -}}
{{ . }}
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end -}}

{{/* JSON: the variables of a service that are no secrets. */}}
{{- define "mailx.environment" -}}
{{- $root := .root -}}
{{- $whole := eq $root.Values.mode "all-in-one" -}}
{{- $facts := .facts -}}
{{- $own := dict "OPS_LISTEN" "0.0.0.0:9464" "CLIENT_LISTEN" "0.0.0.0:8444" "HTTPS_LISTEN" "0.0.0.0:8445" "PEER_LISTEN" "0.0.0.0:8443" -}}
{{- if not $whole -}}
{{- $_ := set $own "GRPC_LISTEN" "0.0.0.0:7000" -}}
{{- $_ := set $own "GRPC_CA_FILE" "/etc/mailx/internal/ca.crt" -}}
{{- $_ := set $own "GRPC_CERT_FILE" "/etc/mailx/internal/tls.crt" -}}
{{- $_ := set $own "GRPC_KEY_FILE" "/etc/mailx/internal/tls.key" -}}
{{- end -}}
{{- $own = merge $own (include "mailx.serverTlsVariables" (dict "root" $root "facts" $facts) | fromJson) -}}
{{- $_ := set $own "HOSTED_DOMAINS" (join "," $root.Values.domains) -}}
{{- $_ := set $own "PEER_ENDPOINT" $root.Values.endpoints.peer -}}
{{- $_ := set $own "CLIENT_ENDPOINT" $root.Values.endpoints.client -}}
{{- $_ := set $own "HTTP_ENDPOINT" $root.Values.endpoints.http -}}
{{- if $root.Values.dns.unbound.enabled -}}
{{- $_ := set $own "DNS_RESOLVER" "127.0.0.1:5335" -}}
{{- else if $root.Values.dns.resolver -}}
{{- $_ := set $own "DNS_RESOLVER" $root.Values.dns.resolver -}}
{{- $_ := set $own "DNS_TRUSTED" (toString $root.Values.dns.trusted) -}}
{{- end -}}
{{- $_ := set $own "STATIC_PEERS_FILE" "/etc/mailx/federation/peers.json" -}}
{{- $_ := set $own "FEDERATION_LIST" "/etc/mailx/federation/domains" -}}
{{- range $address, $service := $facts.calls -}}
{{- $_ := set $own $address (printf "dns:///%s-%s.%s.svc:7000" (include "mailx.fullname" $root) $service $root.Release.Namespace) -}}
{{- end -}}
{{- range $address, $name := dict "IDENTITY_ADDRESS" "identity" "TRANSPARENCY_ADDRESS" "transparency" "DIRECTORY_ADDRESS" "directory" "STORAGE_ADDRESS" "storage" "OUTBOUND_ADDRESS" "outbound-federation" "INBOUND_ADDRESS" "inbound-federation" -}}
{{- if not (hasKey $own $address) -}}
{{- /* Its own server: here only the port counts, and between the parts of one process loopback. */ -}}
{{- $_ := set $own $address (printf "127.0.0.1:%d" (index (dict "identity" 7001 "directory" 7002 "storage" 7003 "transparency" 7004 "outbound-federation" 7005 "inbound-federation" 7006) $name)) -}}
{{- end -}}
{{- end -}}
{{- $env := dict -}}
{{- range $variable := $facts.variables -}}
{{- if hasKey $own $variable -}}
{{- $_ := set $env $variable (get $own $variable) -}}
{{- else if hasKey $.service.config $variable -}}
{{- $_ := set $env $variable (include "mailx.text" (get $.service.config $variable)) -}}
{{- end -}}
{{- end -}}
{{- with $root.Values.telemetry -}}
{{- if .endpoint -}}
{{- $_ := set $env "OTEL_EXPORTER_OTLP_ENDPOINT" .endpoint -}}
{{- $_ := set $env "OTEL_EXPORTER_OTLP_PROTOCOL" .protocol -}}
{{- $_ := set $env "OTEL_TRACES_SAMPLER" "parentbased_traceidratio" -}}
{{- $_ := set $env "OTEL_TRACES_SAMPLER_ARG" (toString .sampleRatio) -}}
{{- end -}}
{{- end -}}
{{ toJson $env }}
{{- end -}}

{{/* JSON: the milliseconds that a stopping service is given for calls under way. */}}
{{- define "mailx.grace" -}}
{{- $grace := int (get .config "SHUTDOWN_GRACE_MS" | default 10000) -}}
{{- $seconds := add (int .preStopSeconds) (div (add $grace 999) 1000) 15 -}}
{{ .terminationGracePeriodSeconds | int | default $seconds }}
{{- end -}}
