{{- define "network.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version | replace "+" "_" }}
{{- end -}}
{{- define "network.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default (printf "v%s" .Chart.AppVersion) }}
{{- end -}}
{{- define "network.secret" -}}
{{- $live := lookup "v1" "Secret" .Release.Namespace "network-ca" -}}
{{- if and $live $live.data -}}
ca.crt: {{ index $live.data "ca.crt" }}
ca.key: {{ index $live.data "ca.key" }}
{{- else -}}
{{- $ca := genCA "network-ca" (int .Values.relay.tls.days) -}}
ca.crt: {{ $ca.Cert | b64enc }}
ca.key: {{ $ca.Key | b64enc }}
{{- end -}}
{{- end -}}
