{{- define "common.metadata" -}}
{{- $root := index . 0 -}}
metadata:
  name: {{ $root.Release.Name }}{{ with index . 1 }}-{{ . }}{{ end }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    app.kubernetes.io/name: {{ $root.Chart.Name }}
    app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
{{- end -}}
{{- define "common.workload" -}}
{{- $root := index . 0 -}}
{{- $own := fromYaml (include (index . 1) $root) -}}
{{- $base := dict "apiVersion" "apps/v1" "kind" "Deployment" "spec" (dict "selector" (dict "matchLabels" (dict "app.kubernetes.io/name" $root.Chart.Name))) -}}
{{- toYaml (mergeOverwrite $base $own) -}}
{{- end -}}
