import { type Dashboard, quantile, series, sumRate } from '../dashboard.ts'

const faults =
  'grpc_status=~"UNKNOWN|INTERNAL|UNAVAILABLE|DATA_LOSS|DEADLINE_EXCEEDED|UNIMPLEMENTED"'

/** Rate, errors and duration of every service; what its process takes. */
export const services: Dashboard = {
  id: 'services',
  title: 'MailX / Services',
  rows: [
    {
      title: 'Calls answered',
      panels: [
        {
          title: 'Rate',
          about: 'Calls per second, by service.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('rpc_server_call_duration_seconds_count', 'service'),
              legend: '{{service}}',
            },
          ],
        },
        {
          title: 'Errors',
          about: 'Calls per second that failed by our own fault.',
          unit: 'ops',
          redFrom: 1,
          queries: [
            {
              expr: sumRate(
                'rpc_server_call_duration_seconds_count',
                'service, grpc_status',
                faults,
              ),
              legend: '{{service}} {{grpc_status}}',
            },
          ],
        },
        {
          title: 'Duration (p99)',
          about: 'Without streams, which last as long as the client likes.',
          unit: 's',
          queries: [
            {
              expr: quantile(
                0.99,
                'rpc_server_call_duration_seconds',
                'service',
                'rpc_method!~"Subscribe|SubmitStream|DeliverStream"',
              ),
              legend: '{{service}}',
            },
          ],
        },
        {
          title: 'Slowest methods (p99)',
          about: 'The ten slowest.',
          unit: 's',
          columns: 12,
          queries: [
            {
              expr: `topk(10, ${quantile(0.99, 'rpc_server_call_duration_seconds', 'rpc_method', 'rpc_method!~"Subscribe|SubmitStream|DeliverStream"')})`,
              legend: '{{rpc_method}}',
            },
          ],
        },
        {
          title: 'Calls made that failed',
          about: 'By who called and what came back.',
          unit: 'ops',
          columns: 12,
          queries: [
            {
              expr: sumRate(
                'rpc_client_call_duration_seconds_count',
                'service, rpc_method, grpc_status',
                'grpc_status!="OK"',
              ),
              legend: '{{service}} {{rpc_method}} {{grpc_status}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          title: 'CPU',
          about: 'Cores in use. One event loop fills one core.',
          unit: 'short',
          redFrom: 0.9,
          queries: [
            {
              expr: sumRate('process_cpu_seconds_total', 'service, instance'),
              legend: '{{service}} {{instance}}',
            },
          ],
        },
        {
          title: 'Memory',
          about: 'Resident.',
          unit: 'bytes',
          queries: [
            { expr: series('process_resident_memory_bytes'), legend: '{{service}} {{instance}}' },
          ],
        },
        {
          title: 'Event loop delay (p99)',
          about: 'Above 100 ms every answer is late.',
          unit: 's',
          redFrom: 0.1,
          queries: [
            {
              expr: series('nodejs_eventloop_lag_p99_seconds'),
              legend: '{{service}} {{instance}}',
            },
          ],
        },
        {
          title: 'Garbage collection',
          about: 'Share of the time that is spent on it, by kind.',
          unit: 'percentunit',
          queries: [
            {
              expr: sumRate('nodejs_gc_duration_seconds_sum', 'service, kind'),
              legend: '{{service}} {{kind}}',
            },
          ],
        },
        {
          title: 'Rate limits',
          about: 'Refusals per second, by limit.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_rate_limit_decisions_total', 'limit', 'decision="refused"'),
              legend: '{{limit}}',
            },
          ],
        },
        {
          title: 'Cache reads',
          about: 'By what Redis said.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_cache_reads_total', 'cache, outcome'),
              legend: '{{cache}} {{outcome}}',
            },
          ],
        },
      ],
    },
  ],
}
