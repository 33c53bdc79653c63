{{- define "mailx.mistakes.doors" -}}
{{- $mistakes := list -}}
{{- $exposure := .Values.exposure -}}
{{- $gateway := $exposure.gateway -}}
{{- $well := true -}}
{{- range $door, $form := dict "peer" "^[a-z0-9.{}-]+:[0-9]{1,5}$" "client" "^[a-z0-9.{}-]+:[0-9]{1,5}$" "http" "^https://[a-z0-9.{}-]+:[0-9]{1,5}$" -}}
{{- if not (regexMatch $form (get $.Values.endpoints $door)) -}}
{{- $well = false -}}
{{- $mistakes = append $mistakes (printf "endpoints.%s: is not %shost:port; {domain} may stand in it" $door (ternary "https://" "" (eq $door "http"))) -}}
{{- end -}}
{{- end -}}
{{- if $well -}}
{{- $doors := include "mailx.doors" . | fromJson -}}
{{- $paths := dict "peer" "endpoints.peer" "client" "endpoints.client" "wellKnown" "endpoints.http" -}}
{{- $isProduction := eq (toString (get .Values.config "NODE_ENV" | default "production")) "production" -}}
{{- range $key, $door := $doors -}}
{{- if and $isProduction (ne $key "client") (not (has (int $door.port) (list 443 8080 8443))) -}}
{{- $mistakes = append $mistakes (printf "%s: has port %d, which other domains do not dial (write 443, 8080 or 8443)" (get $paths $key) (int $door.port)) -}}
{{- end -}}
{{- end -}}
{{- range $pair := list (list "peer" "client") (list "peer" "wellKnown") (list "client" "wellKnown") -}}
{{- $one := get $doors (first $pair) -}}
{{- $other := get $doors (last $pair) -}}
{{- $how := (get $exposure (first $pair)).via -}}
{{- $otherHow := (get $exposure (last $pair)).via -}}
{{- $isSamePort := eq (int $one.port) (int $other.port) -}}
{{- /* Listeners of one Gateway tell names apart: peers and clients ask for the same. */ -}}
{{- $byName := and (eq $how "TLSRoute") (eq $otherHow "TLSRoute") (eq (last $pair) "wellKnown") -}}
{{- $areRoutes := and (hasSuffix "Route" $how) (hasSuffix "Route" $otherHow) -}}
{{- if and $isSamePort (or (eq $one.host $other.host) $areRoutes) (not $byName) -}}
{{- $mistakes = append $mistakes (printf "%s: is at port %d, where %s is, too (give one of them another port%s)" (get $paths (last $pair)) (int $other.port) (get $paths (first $pair)) (ternary "" " or host" $areRoutes)) -}}
{{- end -}}
{{- if and (eq $how "LoadBalancer") (eq $otherHow "LoadBalancer") (eq $one.host $other.host) (ne $one.component $other.component) -}}
{{- $mistakes = append $mistakes (printf "%s: names the host of %s, but they get a load balancer each, and so an address each (give them different hosts, or let a Gateway lead to both)" (get $paths (first $pair)) (get $paths (last $pair))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if has $exposure.peer.via (list "Ingress" "HTTPRoute" "GRPCRoute") -}}
{{- $mistakes = append $mistakes (printf "exposure.peer.via: is %s, which ends TLS before the pod, and only the pod can check the certificates of other domains (write LoadBalancer, NodePort, TLSRoute or None)" $exposure.peer.via) -}}
{{- end -}}
{{- if has $exposure.client.via (list "Ingress" "HTTPRoute") -}}
{{- $mistakes = append $mistakes (printf "exposure.client.via: is %s, which cannot show clients the domain's own certificate (write LoadBalancer, NodePort, TLSRoute or None)" $exposure.client.via) -}}
{{- end -}}
{{- if and (eq $exposure.client.via "GRPCRoute") (not $exposure.clientsTrustGateway) -}}
{{- $mistakes = append $mistakes "exposure.client.via: is GRPCRoute, by which clients see the Gateway's certificate; MailX's own client wants the domain's (write TLSRoute, or exposure.clientsTrustGateway: true if all your clients are others)" -}}
{{- end -}}
{{- if eq $exposure.wellKnown.via "GRPCRoute" -}}
{{- $mistakes = append $mistakes "exposure.wellKnown.via: is GRPCRoute, and the document is fetched by plain HTTPS (write LoadBalancer, NodePort, TLSRoute, HTTPRoute, Ingress or None)" -}}
{{- end -}}
{{- $routes := list -}}
{{- $ending := list -}}
{{- range $key := list "peer" "client" "wellKnown" -}}
{{- $how := (get $exposure $key).via -}}
{{- if hasSuffix "Route" $how }}{{ $routes = append $routes $key }}{{ end -}}
{{- if has $how (list "GRPCRoute" "HTTPRoute") }}{{ $ending = append $ending $key }}{{ end -}}
{{- end -}}
{{- if $routes -}}
{{- if and $gateway.create $gateway.name -}}
{{- $mistakes = append $mistakes "exposure.gateway.name: names a Gateway that is there, while exposure.gateway.create makes one (keep one of them)" -}}
{{- else if and $gateway.create (not $gateway.className) -}}
{{- $mistakes = append $mistakes "exposure.gateway.className: is missing (write the name of a GatewayClass; kubectl get gatewayclass lists them)" -}}
{{- else if and (not $gateway.create) (not $gateway.name) -}}
{{- $mistakes = append $mistakes (printf "exposure.gateway.name: is missing, and exposure.%s.via is %s (name a Gateway, or set exposure.gateway.create)" (first $routes) (get $exposure (first $routes)).via) -}}
{{- end -}}
{{- end -}}
{{- if and $ending (not $gateway.backendCaConfigMap) -}}
{{- $mistakes = append $mistakes (printf "exposure.gateway.backendCaConfigMap: is missing, and exposure.%s.via is %s (the pods speak TLS by a certificate of the domain: name a ConfigMap with its CA certificate)" (first $ending) (get $exposure (first $ending)).via) -}}
{{- end -}}
{{- if and $ending $gateway.create (not $gateway.certificateRefs) -}}
{{- $mistakes = append $mistakes (printf "exposure.gateway.certificateRefs: is empty, and exposure.%s.via is %s (name the Secret with the Gateway's certificate)" (first $ending) (get $exposure (first $ending)).via) -}}
{{- end -}}
{{ toJson $mistakes }}
{{- end -}}
