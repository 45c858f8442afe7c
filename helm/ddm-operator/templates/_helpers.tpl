{{- define "ddm-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* 50 characters leave room for what is appended to it. */}}
{{- define "ddm-operator.fullname" -}}
{{- $name := include "ddm-operator.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* What tells the operator's pods from all others; it must never change. */}}
{{- define "ddm-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ddm-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end }}

{{- /* Takes a list of the context and the component. */}}
{{- define "ddm-operator.labelsOf" -}}
{{- $root := index . 0 }}
{{- $own := dict
  "app.kubernetes.io/name" (include "ddm-operator.name" $root)
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/component" (index . 1)
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") | trunc 63) }}
{{- toYaml (merge $own $root.Values.commonLabels) }}
{{- end }}

{{- define "ddm-operator.labels" -}}
{{- include "ddm-operator.labelsOf" (list . "operator") }}
{{- end }}

{{- define "ddm-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "ddm-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "ddm-operator.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The settings as variables: the group's and the field's name, in capitals. What the chart itself decides wins. */}}
{{- define "ddm-operator.env" -}}
{{- $settings := deepCopy .Values.settings }}
{{- $own := dict "lease" (dict "name" (include "ddm-operator.fullname" .)) }}
{{- $credentials := dict }}
{{- with .Values.credentials }}
{{- if .existingSecret }}{{ $_ := set $credentials "dir" "/etc/ddm-operator/credentials" }}{{ end }}
{{- if .ownNamespaces }}{{ $_ := set $credentials "ownNamespaces" (join "," .ownNamespaces) }}{{ end }}
{{- if not .perNamespace.enabled }}{{ $_ := set $credentials "perNamespace" "false" }}{{ end }}
{{- if ne .perNamespace.secretName "ddm-credentials" }}
{{- $_ := set $credentials "secretName" .perNamespace.secretName }}
{{- end }}
{{- end }}
{{- $all := mustMergeOverwrite $settings $own (dict "credentials" $credentials) }}
{{- with .Values.watchNamespaces }}
- name: DDM_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- range $group, $fields := $all }}
{{- if kindIs "map" $fields }}
{{- range $field, $value := $fields }}
- name: {{ printf "DDM_%s_%s" ($group | snakecase | upper) ($field | snakecase | upper) }}
  value: {{ kindIs "float64" $value | ternary (printf "%v" $value | trimSuffix ".0") (toString $value) | quote }}
{{- end }}
{{- else }}
- name: {{ printf "DDM_%s" ($group | snakecase | upper) }}
  value: {{ toString $fields | quote }}
{{- end }}
{{- end }}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Refuses what the operator would refuse at its start; the defaults are made from its settings. */}}
{{- define "ddm-operator.checkCadence" -}}
{{- $cadence := merge (dict) (default dict .Values.settings.cadence) (.Files.Get "files/cadence.yaml" | fromYaml) }}
{{- $settle := float64 $cadence.settleSeconds }}
{{- $total := 0.0 }}
{{- $parts := list }}
{{- range list "sendLimitSeconds" "enlargeTimeoutSeconds" "assumedExecutionDelaySeconds" "assumedReadLagSeconds" }}
{{- $total = addf $total (float64 (get $cadence .)) }}
{{- $parts = append $parts (printf "%s %v" . (get $cadence .)) }}
{{- end }}
{{- if le $settle $total }}
{{- printf "settings.cadence.settleSeconds is %v and must be more than %v (%s): a call that the cloud executes late would count as never executed, and be made twice" $settle $total (join " + " $parts) | fail }}
{{- end }}
{{- range list "unconfirmedLimitSeconds" "operationDeadlineSeconds" }}
{{- if le (float64 (get $cadence .)) $settle }}
{{- printf "settings.cadence.%s is %v and must be more than settleSeconds %v: a person would be asked before the evidence could be complete" . (get $cadence .) $settle | fail }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ddm-operator.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .Values.credentials.existingSecret }}
- name: credentials
  mountPath: /etc/ddm-operator/credentials
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ddm-operator.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 16Mi
{{- with .Values.credentials.existingSecret }}
- name: credentials
  secret:
    secretName: {{ . | quote }}
    # The operator starts without it, says so, and uses it when it is there.
    optional: true
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What a pod of the operator's image needs besides its containers. */}}
{{- define "ddm-operator.podBasics" -}}
serviceAccountName: {{ include "ddm-operator.serviceAccountName" . | quote }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The parts of the container that do not depend on what it runs. */}}
{{- define "ddm-operator.containerBasics" -}}
image: {{ include "ddm-operator.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
env:
  {{- include "ddm-operator.env" . | trim | nindent 2 }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  {{- include "ddm-operator.volumeMounts" . | nindent 2 }}
{{- end }}
