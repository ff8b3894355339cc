{{/* The operator's settings as environment variables: one line for each, and none for what is empty. */}}

{{/* Variable and value, which may be a list. */}}
{{- define "kea-operator.variable" -}}
{{- $name := index . 0 -}}
{{- $value := index . 1 -}}
{{- $text := ternary (join "," $value) (toString $value) (kindIs "slice" $value) -}}
{{- if and (not (kindIs "invalid" $value)) (ne $text "") }}
- name: {{ $name }}
  value: {{ $text | quote }}
{{- end -}}
{{- end -}}

{{- define "kea-operator.environment" -}}
{{- $kea := .Values.kea -}}
{{- $settings := list
  (list "KEA_URL" $kea.url)
  (list "KEA_SECONDARY_URL" $kea.secondaryUrl)
  (list "KEA_SECONDARY_URLS" $kea.secondaryUrls)
  (list "KEA_PORT" $kea.port)
  (list "KEA_TIMEOUT_SECONDS" $kea.timeoutSeconds)
  (list "KEA_CONNECT_TIMEOUT_SECONDS" $kea.connectTimeoutSeconds)
  (list "KEA_DISABLE_KEEPALIVES" $kea.disableKeepalives)
  (list "KEA_PRIMARY_RETRIES" $kea.primaryRetries)
  (list "KEA_RETRY_BACKOFF" $kea.retryBackoff)
  (list "KEA_RETRY_MAX_BACKOFF" $kea.retryMaxBackoff)
  (list "KEA_PRIMARY_COOLDOWN" $kea.primaryCooldown)
  (list "KEA_DIALECT" $kea.dialect)
  (list "KEA_SHARED_HOST_DATABASE" $kea.sharedHostDatabase)
  (list "KEA_REQUIRE_CLIENT_CLASSES" $kea.requireClientClasses)
  (list "KEA_PROVIDERS" $kea.providers)
  (list "KEA_STRICT_DEFAULTS" $kea.strictDefaults)
  (list "KEA_CLUSTER_ID" $kea.clusterId)
  (list "KEA_ADDRESS_POLICY" $kea.addressPolicy)
  (list "KEA_PIN_RESERVATIONS" $kea.pinReservations)
  (list "KEA_ADOPT_RESERVATIONS" $kea.adoptReservations)
  (list "KEA_CLEANUP_TIMEOUT" $kea.cleanupTimeout)
  (list "KEA_TLS_ENABLED" $kea.tls.enabled)
  (list "KEA_TLS_INSECURE" $kea.tls.insecure)
  (list "KEA_TLS_SERVER_NAME" $kea.tls.serverName)
  (list "KEA_TLS_CA_FILE" $kea.tls.caFile)
  (list "KEA_TLS_CERT_FILE" $kea.tls.certFile)
  (list "KEA_TLS_KEY_FILE" $kea.tls.keyFile)
  (list "KEA_TLS_SECRET_NAME" $kea.tls.secretName)
  (list "KEA_TLS_SECRET_NAMESPACE" (ternary $kea.tls.secretNamespace "" (ne $kea.tls.secretName "")))
  (list "KEA_SUBNET_MODE" $kea.subnets.mode)
  (list "KEA_SUBNET_GATEWAY" $kea.subnets.gateway)
  (list "KEA_SUBNET_POOL_SKIP_FIRST" $kea.subnets.poolSkipFirst)
  (list "KEA_SUBNET_POOL_SKIP_LAST" $kea.subnets.poolSkipLast)
  (list "KEA_SUBNET_DNS" $kea.subnets.dns)
  (list "KEA_SUBNET_VALID_LIFETIME" $kea.subnets.validLifetime)
  (list "KEA_SUBNET_RENEW_TIMER" $kea.subnets.renewTimer)
  (list "KEA_SUBNET_REBIND_TIMER" $kea.subnets.rebindTimer)
  (list "KEA_SUBNET_PERSIST" $kea.subnets.persist)
  (list "KEA_ORPHAN_MODE" $kea.orphans.mode)
  (list "KEA_ORPHAN_INTERVAL" $kea.orphans.interval)
  (list "KEA_ORPHAN_GRACE" $kea.orphans.grace)
  (list "KEA_ORPHAN_MAX" $kea.orphans.max)
  (list "KEA_ORPHAN_MAX_PERCENT" $kea.orphans.maxPercent)
  (list "MAX_CONCURRENT_RECONCILES" .Values.maxConcurrentReconciles)
  (list "LEADER_ELECT" .Values.leaderElection.enabled)
  (list "LEADER_ELECTION_NAMESPACE" .Values.leaderElection.namespace)
  (list "LOG_LEVEL" .Values.logging.level)
  (list "LOG_JSON_LOGGING" .Values.logging.jsonLogging)
  (list "LOG_COLORIZE" .Values.logging.colorize)
  (list "LOG_ADD_CALLER" .Values.logging.addCaller)
  (list "LOG_DISABLE_STACKTRACE" .Values.logging.disableStacktrace)
  (list "LOG_UNESCAPE_MULTILINE" .Values.logging.unescapeMultiline)
  (list "DEVELOPMENT" .Values.development)
-}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- range $settings }}
{{- include "kea-operator.variable" . }}
{{- end }}
{{- range $place, $credentials := include "kea-operator.credentials" . | fromYaml }}
- name: {{ $credentials.variable }}_USERNAME_FILE
  value: {{ $credentials.folder }}/username
- name: {{ $credentials.variable }}_PASSWORD_FILE
  value: {{ $credentials.folder }}/password
{{- end }}
{{- with .Values.extraEnv }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{/* The passwords that there are: by the name of a volume, the Secret, its keys, and where they are read. They are read
     from files, so that changes are noticed without a restart. */}}
{{- define "kea-operator.credentials" -}}
{{- $fullname := include "kea-operator.fullname" . -}}
{{- $places := dict
  "kea-auth" (dict "values" .Values.kea.auth "variable" "KEA_BASIC_AUTH" "made" $fullname)
  "kea-secondary-auth" (dict "values" .Values.kea.secondaryAuth "variable" "KEA_SECONDARY_BASIC_AUTH"
    "made" (printf "%s-secondary" $fullname))
-}}
{{- range $place, $source := $places }}
{{- $auth := $source.values }}
{{- if or $auth.existingSecret $auth.username }}
{{ $place }}:
  variable: {{ $source.variable }}
  folder: /etc/kea-operator/{{ $place }}
  secret: {{ $auth.existingSecret | default $source.made | quote }}
  isMade: {{ not $auth.existingSecret }}
  usernameKey: {{ ternary $auth.usernameKey "username" (ne $auth.existingSecret "") | quote }}
  passwordKey: {{ ternary $auth.passwordKey "password" (ne $auth.existingSecret "") | quote }}
  username: {{ $auth.username | quote }}
  password: {{ $auth.password | quote }}
{{- end }}
{{- end }}
{{- end -}}
