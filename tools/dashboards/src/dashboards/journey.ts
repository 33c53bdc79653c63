import { type Dashboard, quantile, series, sumRate } from '../dashboard.ts'

const graph = (title: string, about: string, expr: string, legend = 'p99') =>
  ({ title, about, unit: 's', queries: [{ expr, legend }] }) as const

/** A message's steps in their order: where the time goes. `mailxctl trace` shows a single one. */
export const journey: Dashboard = {
  id: 'journey',
  title: "MailX / A message's way",
  rows: [
    {
      title: 'In: submitted, accepted, published',
      panels: [
        graph(
          '1. Submitted to accepted',
          'p99. Includes the COMMIT.',
          quantile(0.99, 'mailx_submit_duration_seconds', 'outcome'),
          '{{outcome}}',
        ),
        graph(
          '2. COMMIT',
          'p99 of group commits, by context.',
          quantile(0.99, 'mailx_log_commit_seconds', 'context'),
          '{{context}}',
        ),
        {
          title: '3. Published',
          about: 'Batches that JetStream acknowledged, by context.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_bus_published_batches_total', 'context'),
              legend: '{{context}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Through: projected, delivered, received',
      panels: [
        {
          title: '4. Processors behind',
          about: 'Events that are committed and not dealt with, where there are any.',
          unit: 'short',
          redFrom: 1000,
          queries: [
            {
              expr: `max by (projection) (${series('mailx_projection_lag_events')}) > 0`,
              legend: '{{projection}}',
            },
          ],
        },
        graph(
          '5. Since when behind',
          'No event that waits is older.',
          `max by (projection) (${series('mailx_projection_lag_seconds')})`,
          '{{projection}}',
        ),
        graph(
          '6. To the peer',
          'p99 from acceptance to receipt, prompt deliveries.',
          quantile(0.99, 'mailx_remote_delivery_seconds', '', 'prompt="yes"'),
        ),
      ],
    },
    {
      title: 'Out: stored, notified',
      panels: [
        graph(
          '7. Stored',
          'p99 from acceptance to the mailbox.',
          quantile(0.99, 'mailx_mailbox_delivery_seconds', 'from'),
          'from a {{from}}',
        ),
        graph(
          '8. Notified',
          'p99 from acceptance to the push to an open client.',
          quantile(0.99, 'mailx_gateway_notify_seconds'),
        ),
        {
          title: 'Open streams',
          about: 'Of clients, by kind.',
          unit: 'short',
          queries: [
            { expr: `sum by (kind) (${series('mailx_gateway_open_streams')})`, legend: '{{kind}}' },
          ],
        },
      ],
    },
    {
      title: 'Told to clients',
      panels: [
        {
          title: 'Announcements',
          about: 'Of changed mailboxes to gateways, by whether NATS took them.',
          unit: 'ops',
          columns: 12,
          queries: [
            {
              expr: sumRate('mailx_storage_announcements_total', 'outcome'),
              legend: '{{outcome}}',
            },
          ],
        },
        {
          title: 'Resyncs',
          about: 'Clients that were too slow for what is pushed, and list anew.',
          unit: 'ops',
          columns: 12,
          queries: [
            {
              expr: `sum(rate(${series('mailx_gateway_resyncs_total')}[5m]))`,
              legend: 'resyncs',
            },
          ],
        },
      ],
    },
    {
      title: 'Nothing lost',
      panels: [
        {
          title: 'Remote recipients: accepted and settled (24 h)',
          about:
            'Accepted for other domains, and delivered or bounced. What is between them waits.',
          unit: 'short',
          columns: 12,
          queries: [
            {
              expr: `sum(increase(${series('mailx_accepted_recipients_total', 'route="remote"')}[24h]))`,
              legend: 'accepted',
            },
            {
              expr: `sum(increase(${series('mailx_delivery_outcomes_total', 'event=~"DeliverySucceeded|DeliveryBounced"')}[24h]))`,
              legend: 'settled',
            },
          ],
        },
        {
          title: 'Parked and stuck',
          about: 'Anything above zero waits for an operator.',
          unit: 'short',
          columns: 12,
          redFrom: 1,
          queries: [
            { expr: `sum(${series('mailx_parked_events')})`, legend: 'parked events' },
            { expr: `sum(${series('mailx_projection_stuck')})`, legend: 'stuck processors' },
          ],
        },
      ],
    },
  ],
}
