import { type Dashboard, series, sumRate } from '../dashboard.ts'

/** How fast it grows, and what it costs. */
export const capacity: Dashboard = {
  id: 'capacity',
  title: 'MailX / Capacity',
  rows: [
    {
      title: 'Storage',
      panels: [
        {
          title: 'Database',
          about: 'All of it, and the two tables that grow with mail.',
          unit: 'bytes',
          queries: [
            { expr: `max(${series('mailx_postgres_database_bytes')})`, legend: 'database' },
            {
              expr: `max by (relation) (${series('mailx_postgres_relation_bytes')})`,
              legend: '{{relation}}',
            },
          ],
        },
        {
          title: 'Growth per day',
          about: 'Of the database, by the last six hours.',
          unit: 'bytes',
          queries: [
            {
              expr: `max(deriv(${series('mailx_postgres_database_bytes')}[6h])) * 86400`,
              legend: 'a day',
            },
          ],
        },
        {
          title: 'Events',
          about: 'Of the log, by context.',
          unit: 'short',
          queries: [
            { expr: `max by (context) (${series('mailx_log_events')})`, legend: '{{context}}' },
          ],
        },
        {
          title: 'Attachments stored',
          about: 'By who sent them.',
          unit: 'Bps',
          queries: [{ expr: sumRate('mailx_attachment_bytes_total', 'from'), legend: '{{from}}' }],
        },
        {
          title: 'Blobs erased',
          about: 'Per second.',
          unit: 'ops',
          queries: [
            {
              expr: `sum(rate(${series('mailx_storage_erased_blobs_total')}[5m]))`,
              legend: 'erased',
            },
          ],
        },
        {
          title: 'Key log',
          about: 'Entries, and those that no signed head covers yet.',
          unit: 'short',
          queries: [
            { expr: `max(${series('mailx_key_log_leaves')})`, legend: 'entries' },
            { expr: `max(${series('mailx_key_log_unsigned_leaves')})`, legend: 'not signed' },
            {
              expr: `sum(increase(${series('mailx_key_log_checkpoints_total')}[1h]))`,
              legend: 'heads signed in an hour',
            },
          ],
        },
      ],
    },
    {
      title: 'Load',
      panels: [
        {
          title: 'CPU per accepted message',
          about:
            'Core seconds of all processes, by submission. A rise is a regression or other work.',
          unit: 's',
          queries: [
            {
              expr: `sum(rate(${series('process_cpu_seconds_total')}[5m])) / (sum(rate(${series('mailx_gateway_submissions_total', 'code="ok"')}[5m])) > 0)`,
              legend: 'CPU',
            },
          ],
        },
        {
          title: 'Submissions under way',
          about: 'Bytes that gateways received and have not decided, by process.',
          unit: 'bytes',
          queries: [
            {
              expr: `max by (instance) (${series('mailx_gateway_undecided_bytes')})`,
              legend: '{{instance}}',
            },
          ],
        },
        {
          title: 'Events per commit',
          about: 'The mean: it grows with the load, which is how appends keep up.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (context) (rate(${series('mailx_log_append_batch_size_sum')}[5m])) / sum by (context) (rate(${series('mailx_log_append_batch_size_count')}[5m]) > 0)`,
              legend: '{{context}}',
            },
          ],
        },
        {
          title: 'Event loop, mean',
          about: 'The busiest process of each service.',
          unit: 's',
          queries: [
            {
              expr: `max by (service) (${series('nodejs_eventloop_lag_mean_seconds')})`,
              legend: '{{service}}',
            },
          ],
        },
        {
          title: 'Memory by service',
          about: 'The largest process of each.',
          unit: 'bytes',
          queries: [
            {
              expr: `max by (service) (${series('process_resident_memory_bytes')})`,
              legend: '{{service}}',
            },
          ],
        },
        {
          title: 'Open files',
          about: 'Of those that a process may have.',
          unit: 'percentunit',
          redFrom: 0.8,
          queries: [
            {
              expr: `max by (service) (${series('process_open_fds')} / ${series('process_max_fds')})`,
              legend: '{{service}}',
            },
          ],
        },
        {
          title: 'Processed events',
          about: 'Per second, by processor.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_projection_events_total', 'projection'),
              legend: '{{projection}}',
            },
          ],
        },
      ],
    },
  ],
}
