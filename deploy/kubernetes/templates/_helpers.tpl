{{- /* The name of an object: (list ROOT NAME). */ -}}
{{- define "causeway.fullname" -}}
{{- $root := index . 0 -}}
{{- /* The longest name of a StatefulSet's pods is bounded by 63 bytes of a label, which also has a hash. */ -}}
{{- if gt (len $root.Release.Name) 39 }}{{ fail "The name of the release is too long: use 39 characters at most." }}{{ end -}}
{{ $root.Release.Name }}-{{ index . 1 }}
{{- end -}}

{{- /* Labels of the pods of one program, by which objects select them: (list ROOT NAME). */ -}}
{{- define "causeway.selector" -}}
{ app.kubernetes.io/name: {{ index . 1 }}, app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }} }
{{- end -}}

{{- /* Labels that all pods of the release have. */ -}}
{{- define "causeway.part" -}}
{ app.kubernetes.io/part-of: causeway, app.kubernetes.io/instance: {{ .Release.Name | quote }} }
{{- end -}}

{{- /* The labels of a program's pods: (list ROOT NAME). */ -}}
{{- define "causeway.labels" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/part-of: causeway
{{- end -}}

{{- /* The metadata of an object: (list ROOT NAME [LABELS]). */ -}}
{{- define "causeway.metadata" -}}
{{- $root := index . 0 -}}
metadata:
  name: {{ include "causeway.fullname" . }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- include "causeway.labels" . | nindent 4 }}
    app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
    app.kubernetes.io/managed-by: {{ $root.Release.Service }}
    helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version | replace "+" "_" }}
    {{- if gt (len .) 2 }}{{ with index . 2 }}{{ toYaml . | nindent 4 }}{{ end }}{{ end }}
{{- end -}}

{{- /* Fields of every pod: where it runs, and as whom. */ -}}
{{- define "causeway.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.image.pullSecrets }}
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
{{- end -}}

{{- /* Spreads a program's pods over the nodes: (list ROOT NAME). */ -}}
{{- define "causeway.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: { matchLabels: {{ include "causeway.selector" . }} }
{{- end -}}

{{- /* Fields of every container: (list ROOT NAME). */ -}}
{{- define "causeway.container" -}}
{{- $image := (index . 0).Values.image -}}
image: {{ $image.repository }}/{{ index . 1 }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
imagePullPolicy: {{ $image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{- /* A claim for a volume of each pod: (list NAME VOLUME), VOLUME with size and storageClass. */ -}}
{{- define "causeway.claim" -}}
- metadata: { name: {{ index . 0 }} }
  spec:
    accessModes: [ReadWriteOnce]
    {{- with (index . 1).storageClass }}
    storageClassName: {{ . | quote }}
    {{- end }}
    resources: { requests: { storage: {{ (index . 1).size }} } }
{{- end -}}

{{- /* The disruption budget of a program: (list ROOT NAME). */ -}}
{{- define "causeway.budget" -}}
{{- if (index . 0).Values.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
{{ include "causeway.metadata" . }}
spec:
  maxUnavailable: 1
  selector: { matchLabels: {{ include "causeway.selector" . }} }
{{- end }}
{{- end -}}

{{- /* Environment variables from names and values, without those that are null. */ -}}
{{- define "causeway.environment" -}}
{{- range $name, $value := . }}
{{- if not (kindIs "invalid" $value) }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}
{{- end -}}

{{- /* The names of secrets. */ -}}
{{- define "causeway.secret" -}}{{ .Values.secrets.name | default .Release.Name }}{{- end -}}
{{- define "causeway.natsSecret" -}}{{ .Values.nats.secret | default (include "causeway.fullname" (list . "nats")) }}{{- end -}}
{{- define "causeway.certificate" -}}{{ .Values.proxy.certificate.secret | default (include "causeway.fullname" (list . "certificate")) }}{{- end -}}

{{- /* The address of the bus. */ -}}
{{- define "causeway.natsURL" -}}
{{- if .Values.nats.bundled -}}
nats://{{ include "causeway.fullname" (list . "nats") }}:4222
{{- else -}}
{{ required "nats.url is missing: without the bundled nats-server, write the address of yours." .Values.nats.url }}
{{- end -}}
{{- end -}}
