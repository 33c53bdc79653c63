{{- define "mailx.mistakes.domains" -}}
{{- $mistakes := list -}}
{{- if not .Values.domains -}}
{{- $mistakes = append $mistakes "domains: is empty (write the domains to host, as in [a.example, b.example])" -}}
{{- end -}}
{{- $seen := dict -}}
{{- range $at, $domain := .Values.domains -}}
{{- $plain := lower $domain | trimSuffix "." -}}
{{- if hasKey $seen $plain -}}
{{- $mistakes = append $mistakes (printf "domains[%d]: %s is there already, as domains[%d] (leave one out)" $at $domain (int (get $seen $plain))) -}}
{{- else if not (regexMatch "^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$" $domain) -}}
{{- $mistakes = append $mistakes (printf "domains[%d]: %q is not a domain in lower case (write it as DNS has it, as in a.example; others than ASCII as xn--…)" $at $domain) -}}
{{- end -}}
{{- $_ := set $seen $plain $at -}}
{{- end -}}
{{- range $domain, $peer := .Values.federation.staticPeers -}}
{{- if has $domain $.Values.domains -}}
{{- $mistakes = append $mistakes (printf "federation.staticPeers.%s: is one of domains (leave it out there or here)" $domain) -}}
{{- end -}}
{{- if not (regexMatch "^[A-Za-z0-9+/]{43}=$" $peer.publicKey) -}}
{{- $mistakes = append $mistakes (printf "federation.staticPeers.%s.publicKey: is not 32 bytes in base64 (copy k= of its DNS record)" $domain) -}}
{{- end -}}
{{- if not (regexMatch "^https://[^/:]+(:[0-9]+)?$" $peer.endpoint) -}}
{{- $mistakes = append $mistakes (printf "federation.staticPeers.%s.endpoint: is not https://host:port (copy e= of its DNS record)" $domain) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.dns.resolver .Values.dns.unbound.enabled -}}
{{- $mistakes = append $mistakes "dns.resolver: is set beside dns.unbound.enabled (keep one of them)" -}}
{{- end -}}
{{- if and .Values.dns.resolver (not (regexMatch "^(\\[[0-9a-f:]+\\]|[0-9]{1,3}(\\.[0-9]{1,3}){3}):[0-9]+$" .Values.dns.resolver)) -}}
{{- $mistakes = append $mistakes "dns.resolver: is not address:port (write one resolver by its IP address, as in 10.0.0.53:53)" -}}
{{- end -}}
{{- $policy := dig "inbound-federation" "config" "FEDERATION_POLICY" "open" .Values.services -}}
{{- if eq .Values.mode "all-in-one" }}{{ $policy = dig "all-in-one" "config" "FEDERATION_POLICY" "open" .Values.services }}{{ end -}}
{{- if and (eq $policy "allow") (not .Values.federation.list) -}}
{{- $mistakes = append $mistakes "federation.list: is empty while FEDERATION_POLICY is allow, so nobody could write to you (name the domains that may)" -}}
{{- end -}}
{{ toJson $mistakes }}
{{- end -}}
