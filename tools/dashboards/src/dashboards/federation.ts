import { type Dashboard, quantile, series, sumRate } from '../dashboard.ts'

/** How mail goes to and comes from other domains. */
export const federation: Dashboard = {
  id: 'federation',
  title: 'MailX / Federation by peer',
  rows: [
    {
      title: 'To peers',
      panels: [
        {
          title: 'Accepted by peers',
          about: 'Deliveries per second that peers signed for.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_federation_deliveries_total', 'peer', 'outcome="accepted"'),
              legend: '{{peer}}',
            },
          ],
        },
        {
          title: 'Not accepted',
          about: 'Tries per second, by peer and reason.',
          unit: 'ops',
          redFrom: 1,
          queries: [
            {
              expr: sumRate(
                'mailx_federation_deliveries_total',
                'peer, outcome',
                'outcome!="accepted"',
              ),
              legend: '{{peer}} {{outcome}}',
            },
          ],
        },
        {
          title: 'From acceptance to receipt',
          about: 'Of deliveries whose first try worked.',
          unit: 's',
          redFrom: 1,
          queries: [
            {
              expr: quantile(0.5, 'mailx_remote_delivery_seconds', '', 'prompt="yes"'),
              legend: 'p50',
            },
            {
              expr: quantile(0.99, 'mailx_remote_delivery_seconds', '', 'prompt="yes"'),
              legend: 'p99',
            },
          ],
        },
        {
          title: 'Oldest that waits',
          about: 'By peer.',
          unit: 's',
          redFrom: 600,
          queries: [
            {
              expr: `max by (peer) (${series('mailx_delivery_queue_age_seconds')})`,
              legend: '{{peer}}',
            },
          ],
        },
        {
          title: 'In the queues',
          about: 'What lanes hold in memory, by peer.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (peer) (${series('mailx_delivery_queue_deliveries')})`,
              legend: '{{peer}}',
            },
          ],
        },
        {
          title: 'Told to senders',
          about: 'Recorded per second: delivered, deferred, delayed, bounced.',
          unit: 'ops',
          queries: [
            { expr: sumRate('mailx_delivery_outcomes_total', 'event'), legend: '{{event}}' },
          ],
        },
        {
          title: 'Connections',
          about: 'Dialled and authorized, by peer and outcome; other than ok: no handshake.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_peer_connections_total', 'peer, outcome'),
              legend: '{{peer}} {{outcome}}',
            },
          ],
        },
        {
          title: 'Connecting takes (p99)',
          about: 'From dialling to both sides being proved, by outcome.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.99, 'mailx_peer_connect_duration_seconds', 'outcome'),
              legend: '{{outcome}}',
            },
          ],
        },
        {
          title: 'Discoveries by peer',
          about: 'Of peers that were found before, and of all others together.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_discoveries_total', 'peer, outcome'),
              legend: '{{peer}} {{outcome}}',
            },
          ],
        },
        {
          title: 'Discoveries by source',
          about: 'By outcome, source and DNSSEC state.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_discovery_duration_seconds_count', 'outcome, source, dnssec'),
              legend: '{{outcome}} {{source}} {{dnssec}}',
            },
          ],
        },
        {
          title: 'Batches (p99)',
          about: 'From taking a batch to recording the answers, by outcome.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.99, 'mailx_delivery_attempt_duration_seconds', 'outcome'),
              legend: '{{outcome}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Lanes and keys',
      panels: [
        {
          title: 'Lanes open',
          about: 'Pairs of a hosted domain and a peer that replicas work off.',
          unit: 'short',
          columns: 12,
          queries: [
            {
              expr: `sum by (instance) (${series('mailx_delivery_lanes_open')})`,
              legend: '{{instance}}',
            },
          ],
        },
        {
          title: 'Age of domain keys',
          about: 'By which other domains know this one.',
          unit: 's',
          columns: 12,
          queries: [
            {
              expr: `time() - min by (domain) (${series('mailx_domain_key_created_timestamp_seconds')})`,
              legend: '{{domain}}',
            },
          ],
        },
      ],
    },
    {
      title: 'From peers',
      panels: [
        {
          title: 'Accepted from peers',
          about: 'Deliveries per second, by peer.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_inbound_deliveries_total', 'peer', 'status="ACCEPTED"'),
              legend: '{{peer}}',
            },
          ],
        },
        {
          title: 'Not accepted from peers',
          about: 'By peer and by what they were answered with.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_inbound_deliveries_total', 'peer, status', 'status!="ACCEPTED"'),
              legend: '{{peer}} {{status}}',
            },
          ],
        },
        {
          title: 'Connections of peers',
          about: 'On which a peer proved its domain.',
          unit: 'ops',
          queries: [
            { expr: sumRate('mailx_inbound_connections_total', 'peer'), legend: '{{peer}}' },
          ],
        },
        {
          title: 'Connections that were ended',
          about: 'By reason. A wave of them is somebody who tries.',
          unit: 'ops',
          queries: [
            { expr: sumRate('mailx_inbound_rejections_total', 'code'), legend: '{{code}}' },
          ],
        },
        {
          title: 'To the mailbox (p99)',
          about: 'From accepting a delivery to its lying in the mailbox.',
          unit: 's',
          redFrom: 0.1,
          queries: [
            {
              expr: quantile(0.99, 'mailx_mailbox_delivery_seconds', '', 'from="peer"'),
              legend: 'p99',
            },
          ],
        },
      ],
    },
  ],
}
