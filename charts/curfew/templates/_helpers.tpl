{{- define "curfew.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The ServiceAccount of the sweep, and its user name and the operator's. */}}
{{- define "curfew.sweep" -}}{{ include "curfew.fullname" . }}-sweep{{- end -}}
{{- define "curfew.operatorUser" -}}system:serviceaccount:{{ .Release.Namespace }}:{{ include "curfew.fullname" . }}{{- end -}}
{{- define "curfew.sweeperUser" -}}system:serviceaccount:{{ .Release.Namespace }}:{{ include "curfew.sweep" . }}{{- end -}}

{{/* The ServiceAccount of reports, and the ConfigMaps in which they keep snapshots, as a list of JSON. */}}
{{- define "curfew.report" -}}{{ include "curfew.fullname" . }}-report{{- end -}}
{{- define "curfew.reviews" -}}{{ include "curfew.fullname" . }}-reviews{{- end -}}
{{- define "curfew.snapshots" -}}
{{- $names := list -}}
{{- range $n := until (int .Values.report.snapshots.keep) -}}
{{- $names = append $names (printf "curfew-standing-%02d" $n) -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{- define "curfew.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "curfew.labels" -}}
{{ include "curfew.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "curfew.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* What every pod of ours has: the restricted profile, and where it may run. */}}
{{- define "curfew.pod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ quote . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- end -}}

{{- define "curfew.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Labels of a role of the catalogue: (list $ level). */}}
{{- define "curfew.catalogue" -}}
{{ include "curfew.labels" (index . 0) }}
curfew.dev/catalogue: "true"
curfew.dev/level: {{ index . 1 }}
{{- end -}}
