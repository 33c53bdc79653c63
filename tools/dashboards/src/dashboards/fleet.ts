import {
  type Dashboard,
  DEPLOYMENT,
  type Panel,
  quantile,
  series,
  shareWithin,
  sumRate,
} from '../dashboard.ts'
import { BAD_CODES, type Objective, objectives } from '../objectives.ts'

const failed = `code=~"${BAD_CODES}"`
const available = (window: string) =>
  `1 - (sum(rate(${series('mailx_gateway_submissions_total', failed)}[${window}])) or vector(0)) / sum(rate(${series('mailx_gateway_submissions_total')}[${window}]))`

/** How much of what may be bad in 30 days is left. */
const budgetLeft = ({ all, bad, budget, title }: Objective): Panel => ({
  title: `${title}: error budget left (30 days)`,
  about: '100 %: nothing was bad. Below zero: the objective is missed.',
  unit: 'percentunit',
  kind: 'stat',
  redBelow: 0,
  columns: 8,
  queries: [
    {
      expr: `1 - sum(${bad('30d', DEPLOYMENT)}) / sum(${all('30d', DEPLOYMENT)}) / ${budget}`,
      legend: 'left',
    },
  ],
})

/** Is all well, and how much of the budget is left. */
export const fleet: Dashboard = {
  id: 'fleet',
  title: 'MailX / Fleet and objectives',
  rows: [
    {
      title: 'Objectives',
      panels: [
        {
          title: 'Submissions answered (30 days)',
          about: 'Objective: 99.95 % do not fail by our own fault.',
          unit: 'percentunit',
          kind: 'stat',
          redBelow: 0.9995,
          queries: [{ expr: available('30d'), legend: 'available' }],
          columns: 6,
        },
        {
          title: 'Nothing lost',
          about:
            'Objective without a budget: accepted recipients whose time is over and who have no final state.',
          unit: 'short',
          kind: 'stat',
          redFrom: 1,
          queries: [{ expr: `max(${series('mailx_overdue_deliveries')})`, legend: 'undecided' }],
          columns: 6,
        },
        {
          title: 'Local mail within 100 ms',
          about: 'Objective: 99 % are in the mailbox 100 ms after acceptance.',
          unit: 'percentunit',
          kind: 'stat',
          redBelow: 0.99,
          queries: [
            {
              expr: shareWithin('mailx_mailbox_delivery_seconds', '0.1', 'from="user"'),
              legend: 'within 100 ms',
            },
          ],
          columns: 6,
        },
        {
          title: 'Mail to healthy peers within 1 s',
          about: 'Objective: 99 % are receipted by the peer a second after acceptance.',
          unit: 'percentunit',
          kind: 'stat',
          redBelow: 0.99,
          queries: [
            {
              expr: shareWithin('mailx_remote_delivery_seconds', '1', 'prompt="yes"'),
              legend: 'within 1 s',
            },
          ],
          columns: 6,
        },
        ...objectives.map(budgetLeft),
        {
          title: 'Submissions',
          about: 'By how they were decided: ok is accepted.',
          unit: 'ops',
          queries: [
            { expr: sumRate('mailx_gateway_submissions_total', 'code'), legend: '{{code}}' },
          ],
        },
        {
          title: 'Time to acceptance',
          about: 'From the arrival of a submission to COMMIT.',
          unit: 's',
          redFrom: 0.1,
          queries: [
            { expr: quantile(0.5, 'mailx_submit_duration_seconds'), legend: 'p50' },
            { expr: quantile(0.99, 'mailx_submit_duration_seconds'), legend: 'p99' },
          ],
        },
        {
          title: 'Time to the mailbox',
          about: 'p99 from acceptance, of a submission (user) or of a delivery (peer).',
          unit: 's',
          redFrom: 0.1,
          queries: [
            {
              expr: quantile(0.99, 'mailx_mailbox_delivery_seconds', 'from'),
              legend: 'from a {{from}}',
            },
          ],
        },
      ],
    },
    {
      title: 'State',
      panels: [
        {
          title: 'Ready',
          about: 'Processes that can do their work, by service.',
          unit: 'short',
          queries: [{ expr: `sum by (service) (${series('mailx_ready')})`, legend: '{{service}}' }],
        },
        {
          title: 'Versions',
          about: 'Processes by version. More than one: an upgrade is under way.',
          unit: 'short',
          queries: [
            { expr: `count by (version) (${series('mailx_build_info')})`, legend: '{{version}}' },
          ],
        },
        {
          title: 'Servers answer',
          about: 'The least of all processes: 0 where some process does not reach the server.',
          unit: 'short',
          redBelow: 1,
          queries: [
            { expr: `min by (backend) (${series('mailx_backend_up')})`, legend: '{{backend}}' },
          ],
        },
        {
          title: 'Oldest delivery that waits',
          about: 'By peer. Ten minutes and more: look at the peer.',
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
          title: 'Events that wait for an operator',
          about: 'Parked by a processor. Anything above zero: mailxctl parked list.',
          unit: 'short',
          redFrom: 1,
          queries: [
            {
              expr: `sum by (projection) (${series('mailx_parked_events')})`,
              legend: '{{projection}}',
            },
          ],
        },
        {
          title: 'Certificates run out',
          about: 'The earliest of each domain. They are renewed with more than two days left.',
          unit: 'dateTimeFromNow',
          queries: [
            {
              expr: `min by (domain) (${series('mailx_certificate_expiry_timestamp_seconds')}) * 1000`,
              legend: '{{domain}}',
            },
          ],
        },
      ],
    },
  ],
}
