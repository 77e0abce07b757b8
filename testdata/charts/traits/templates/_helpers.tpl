{{- define "traits.name" -}}{{ .Release.Name }}-{{ .Chart.Name }}{{- end -}}
{{- define "traits.labels" -}}
app: {{ include "traits.name" . }}
greeting: {{ include "traits.greeting" (dict "text" .Values.greeting "root" .) | quote }}
{{- end -}}
{{- define "traits.greeting" -}}{{ tpl .text .root | replace " " "-" | trunc 63 }}{{- end -}}
