{{/* Names and labels. */}}
{{- define "authrim.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "authrim.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "authrim.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "authrim.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "authrim.selector" -}}
app.kubernetes.io/name: {{ include "authrim.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "authrim.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: authrim
{{ include "authrim.selector" . }}
{{- end -}}

{{- define "authrim.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "authrim.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "authrim.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The settings as TOML: JSON's texts, numbers and arrays are TOML's. It has no null: without a value is not set. */}}
{{- define "authrim.toml" -}}
issuer = {{ required "issuer: set it to the public https:// address of the server" .Values.issuer | toJson }}
workers = {{ .Values.workers | toJson }}
{{- if eq .Values.background.place "apart" }}
background = "none"
{{- end }}
{{- if .Values.database.pooled }}
database_pooled = true
{{- end }}
{{- if .Values.metrics.enabled }}
metrics_listen = {{ printf "[::]:%d" (int .Values.metrics.port) | toJson }}
{{- end }}
{{- if .Values.tls.existingSecret }}
tls_certificate = "/run/secrets/authrim-tls/tls.crt"
tls_key = "/run/secrets/authrim-tls/tls.key"
{{- end }}
{{- range $key, $value := .Values.settings }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }} = {{ $value | toJson }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What every pod of the chart is: nobody, on a root file system that it cannot write to, without a right. */}}
{{- define "authrim.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "authrim.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The Secrets as files, one folder for all of them. */}}
{{- define "authrim.masterKeySource" -}}
- secret:
    name: {{ required "masterKey.existingSecret: name the Secret with the master keys" .Values.masterKey.existingSecret }}
    items:
      - key: {{ .Values.masterKey.key }}
        path: master.keys
      {{- with .Values.masterKey.nextKey }}
      - key: {{ . }}
        path: next-master.key
      {{- end }}
{{- end -}}

{{- define "authrim.masterKeyEnv" -}}
- name: AUTHRIM_MASTER_KEY_FILE
  value: /run/secrets/authrim/master.keys
- name: AUTHRIM_DATABASE_FILE
  value: /run/secrets/authrim/database
{{- if .Values.masterKey.nextKey }}
- name: AUTHRIM_NEXT_MASTER_KEY_FILE
  value: /run/secrets/authrim/next-master.key
{{- end }}
{{- end -}}

{{/* The containers of the servers and of the background work differ in their arguments, ports and probes alone. */}}
{{- define "authrim.serverEnv" -}}
- name: AUTHRIM_CONFIG_FILE
  value: /etc/authrim/authrim.toml
{{ include "authrim.masterKeyEnv" . }}
{{- if .Values.database.listenKey }}
- name: AUTHRIM_DATABASE_LISTEN_FILE
  value: /run/secrets/authrim/database-listen
{{- end }}
{{- if .Values.database.replicaKey }}
- name: AUTHRIM_DATABASE_REPLICA_FILE
  value: /run/secrets/authrim/database-replica
{{- end }}
{{- range $setting, $key := .Values.secrets.keys }}
- name: AUTHRIM_{{ upper $setting }}_FILE
  value: /run/secrets/authrim/{{ $setting }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "authrim.secretsMount" -}}
- name: secrets
  mountPath: /run/secrets/authrim
  readOnly: true
{{- end -}}

{{- define "authrim.serverMounts" -}}
- name: settings
  mountPath: /etc/authrim
  readOnly: true
{{ include "authrim.secretsMount" . }}
{{- if .Values.tls.existingSecret }}
- name: tls
  mountPath: /run/secrets/authrim-tls
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "authrim.serverVolumes" -}}
- name: settings
  configMap:
    name: {{ include "authrim.fullname" . }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- include "authrim.masterKeySource" . | nindent 6 }}
      - secret:
          name: {{ required "database.existingSecret: name the Secret with the database's address" .Values.database.existingSecret }}
          items:
            - key: {{ .Values.database.key }}
              path: database
            {{- with .Values.database.listenKey }}
            - key: {{ . }}
              path: database-listen
            {{- end }}
            {{- with .Values.database.replicaKey }}
            - key: {{ . }}
              path: database-replica
            {{- end }}
      {{- if .Values.secrets.keys }}
      - secret:
          name: {{ required "secrets.existingSecret: name the Secret with the keys of secrets.keys" .Values.secrets.existingSecret }}
          items:
            {{- range $setting, $key := .Values.secrets.keys }}
            - key: {{ $key }}
              path: {{ $setting }}
            {{- end }}
      {{- end }}
{{- with .Values.tls.existingSecret }}
- name: tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Where and how pods run, apart from what is in them. */}}
{{- define "authrim.podPlace" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* What the servers' own port speaks. */}}
{{- define "authrim.scheme" -}}
{{- ternary "HTTPS" "HTTP" (ne .Values.tls.existingSecret "") -}}
{{- end -}}

{{/* The host of the issuer. */}}
{{- define "authrim.issuerHost" -}}
{{- (urlParse .Values.issuer).hostname -}}
{{- end -}}
