{{/* The pod of a service. Takes root, name, service (its whole block) and facts. */}}
{{- define "mailx.pod" -}}
{{- $root := .root -}}
{{- $service := .service -}}
{{- $full := include "mailx.fullname" $root -}}
{{- $environment := include "mailx.environment" . -}}
{{- $doors := include "mailx.doors" $root | fromJson -}}
{{- $unbound := and $root.Values.dns.unbound.enabled (has "DNS_RESOLVER" .facts.variables) -}}
{{- $federation := or (has "STATIC_PEERS_FILE" .facts.variables) (has "FEDERATION_LIST" .facts.variables) -}}
{{- $certificate := include "mailx.certificateOf" . -}}
{{- $access := include "mailx.accessOf" . -}}
{{- $secrets := dict -}}
{{- $plain := dict -}}
{{- range .facts.secrets -}}
{{- $source := include "mailx.secretOf" (dict "root" $root "variable" . "facts" $.facts) | fromJson -}}
{{- if $source.name }}{{ $_ := set $secrets . $source }}{{ end -}}
{{- if $source.plain }}{{ $_ := set $plain . $source.plain }}{{ end -}}
{{- end -}}
metadata:
  labels:
    {{- include "mailx.labels" . | nindent 4 }}
    {{- with $service.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ .name }}
    checksum/environment: {{ $environment | sha256sum }}
    checksum/secrets: {{ list $secrets $plain $certificate $access (omit (include "mailx.givenSecrets" $root | fromJson) "MIGRATION_DATABASE_URL") | toJson | sha256sum }}
    {{- if $unbound }}
    checksum/unbound: {{ $root.Files.Get "files/unbound.conf" | sha256sum }}
    {{- end }}
    {{- with $service.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "mailx.pullSecrets" $root | nindent 2 }}
  serviceAccountName: {{ include "mailx.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "mailx.grace" $service }}
  securityContext:
    {{- toYaml $service.podSecurityContext | nindent 4 }}
  {{- with $service.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $service.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $service.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $service.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- if $service.topologySpreadConstraints }}
    {{- toYaml $service.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "mailx.selector" $ | nindent 10 }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
    {{- end }}
  initContainers:
    {{- include "mailx.waitForDatabase" . | nindent 4 }}
  containers:
    - name: {{ .name }}
      {{- include "mailx.image" (dict "image" $service.image "tag" $root.Chart.AppVersion) | nindent 6 }}
      args: [{{ .name | quote }}]
      envFrom:
        - configMapRef:
            name: {{ $full }}-{{ .name }}
      env:
        - name: OTEL_RESOURCE_ATTRIBUTES
          value: service.version={{ $root.Chart.AppVersion }},k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME)
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        {{- range $variable, $url := $plain }}
        - name: {{ $variable }}
          value: {{ $url | quote }}
        {{- end }}
        {{- range $variable, $source := $secrets }}
        - name: {{ $variable }}_FILE
          value: /etc/mailx/secrets/{{ $variable }}
        {{- end }}
        {{- range .facts.access }}
        - name: {{ . }}_FILE
          value: /etc/mailx/secrets/{{ . }}
        {{- end }}
        {{- with $service.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: ops
          containerPort: 9464
        {{- if has "GRPC_LISTEN" .facts.variables }}
        {{- if ne .name "all-in-one" }}
        - name: grpc
          containerPort: 7000
        {{- end }}
        {{- end }}
        {{- range .facts.doors }}
        {{- $door := get $doors . }}
        - name: {{ $door.name }}
          containerPort: {{ $door.inside }}
        {{- end }}
      {{- range $probe, $path := dict "startupProbe" "startup" "livenessProbe" "liveness" "readinessProbe" "readiness" }}
      {{ $probe }}:
        httpGet:
          path: {{ get (dict "startup" "/startupz" "liveness" "/livez" "readiness" "/readyz") $path }}
          port: ops
        {{- toYaml (get $service.probes $path) | nindent 8 }}
      {{- end }}
      {{- with $service.preStopSeconds }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ . }}
      {{- end }}
      resources:
        {{- toYaml $service.resources | nindent 8 }}
      securityContext:
        {{- toYaml $service.containerSecurityContext | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        - name: secrets
          mountPath: /etc/mailx/secrets
          readOnly: true
        {{- if $certificate }}
        - name: internal
          mountPath: /etc/mailx/internal
          readOnly: true
        {{- end }}
        {{- if $federation }}
        - name: federation
          mountPath: /etc/mailx/federation
          readOnly: true
        {{- end }}
        {{- include "mailx.serverTlsMounts" . | nindent 8 }}
        {{- with $service.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- if $unbound }}
    - name: unbound
      {{- include "mailx.image" (dict "image" $root.Values.dns.unbound.image) | nindent 6 }}
      command: [unbound, -d, -c, /etc/mailx/unbound/unbound.conf]
      {{- range list "startupProbe" "livenessProbe" "readinessProbe" }}
      {{ . }}:
        exec:
          command: [unbound-control, -c, /etc/mailx/unbound/unbound.conf, status]
        periodSeconds: {{ ternary 1 10 (eq . "startupProbe") }}
        timeoutSeconds: 5
        failureThreshold: {{ ternary 30 3 (eq . "startupProbe") }}
      {{- end }}
      resources:
        {{- toYaml $root.Values.dns.unbound.resources | nindent 8 }}
      securityContext:
        {{- toYaml $service.containerSecurityContext | nindent 8 }}
      volumeMounts:
        - name: unbound
          mountPath: /etc/mailx/unbound
          readOnly: true
        - name: tmp
          mountPath: /tmp
    {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 256Mi
    - name: secrets
      projected:
        defaultMode: 0440
        sources:
          {{- range $variable, $source := $secrets }}
          - secret:
              name: {{ $source.name }}
              items:
                - key: {{ $source.key }}
                  path: {{ $variable }}
          {{- end }}
          # What no other service has.
          - secret:
              name: {{ $access }}
              items:
                {{- range .facts.access }}
                - key: {{ . }}
                  path: {{ . }}
                {{- end }}
    {{- if $certificate }}
    - name: internal
      secret:
        secretName: {{ $certificate }}
        defaultMode: 0440
    {{- end }}
    {{- if $federation }}
    - name: federation
      configMap:
        name: {{ $full }}-federation
    {{- end }}
    {{- if $unbound }}
    - name: unbound
      configMap:
        name: {{ $full }}-unbound
    {{- end }}
    {{- include "mailx.serverTlsVolumes" . | nindent 4 }}
    {{- with $service.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "mailx.serviceAccount" -}}
{{- with .service.serviceAccount -}}
{{- if .create -}}
{{ .name | default (printf "%s-%s" (include "mailx.fullname" $.root) $.name) }}
{{- else -}}
{{ .name | default "default" }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* JSON: the secrets whose values stand in the values. */}}
{{- define "mailx.givenSecrets" -}}
{{- $given := dict -}}
{{- range $variable, $source := dict "BUS_KEY" .Values.secrets.busKey "SESSION_KEY" .Values.secrets.sessionKey "KEY_ENCRYPTION_KEY" .Values.secrets.keyEncryptionKey "MIGRATION_DATABASE_URL" .Values.postgres.owner "NATS_URL" .Values.nats.url "REDIS_URL" .Values.redis.url -}}
{{- with $source.value }}{{ $_ := set $given $variable . }}{{ end -}}
{{- end -}}
{{ toJson $given }}
{{- end -}}
