/** What the kubelet and node-exporter say where Prometheus watches them, and dashboards show beside ours. */
export const foreignMetrics: readonly string[] = [
  'kubelet_volume_stats_capacity_bytes',
  'kubelet_volume_stats_used_bytes',
  'node_cpu_seconds_total',
  'node_disk_io_time_seconds_total',
  'node_memory_MemAvailable_bytes',
  'node_memory_MemTotal_bytes',
]
