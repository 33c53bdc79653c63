/** A share of events that must be good, and how to count those that are bad and all. */
export type Objective = {
  readonly alert: string
  readonly runbook: string
  readonly summary: string
  /** The share that may be bad. */
  readonly budget: number
  /** Rates over a window, by deployment. */
  readonly bad: (window: string) => string
  readonly all: (window: string) => string
}

/** Codes of refusals that are our own fault; all others are an answer. */
export const BAD_CODES =
  'UNAVAILABLE|INTERNAL|RESOURCE_EXHAUSTED|DEADLINE_EXCEEDED|STORAGE_FULL|CORRUPT_LOG|_OTHER'

const by = 'sum by (namespace)'
const slow = (metric: string, labels: string, le: string) => ({
  all: (window: string) => `${by} (rate(${metric}_count{${labels}}[${window}]))`,
  bad: (window: string) =>
    `(${by} (rate(${metric}_count{${labels}}[${window}])) - ${by} (rate(${metric}_bucket{${[labels, `le="${le}"`].filter(Boolean).join(',')}}[${window}])))`,
})

export const objectives: readonly Objective[] = [
  {
    alert: 'MailxSubmitAvailability',
    runbook: 'submit-availability',
    summary: 'Submissions fail by our own fault faster than the objective of 99.95 % allows.',
    budget: 0.0005,
    bad: (window) =>
      `${by} (rate(mailx_gateway_submissions_total{code=~"${BAD_CODES}"}[${window}]))`,
    all: (window) => `${by} (rate(mailx_gateway_submissions_total[${window}]))`,
  },
  {
    alert: 'MailxLocalDeliverySlow',
    runbook: 'local-delivery-slow',
    summary: 'Too much local mail is not in the mailbox 100 ms after acceptance (objective: 99 %).',
    budget: 0.01,
    ...slow('mailx_mailbox_delivery_seconds', 'from="user"', '0.1'),
  },
  {
    alert: 'MailxRemoteDeliverySlow',
    runbook: 'remote-delivery-slow',
    summary:
      'Too much mail to healthy peers is not receipted a second after acceptance (objective: 99 %).',
    budget: 0.01,
    ...slow('mailx_remote_delivery_seconds', 'prompt="yes"', '1'),
  },
]
