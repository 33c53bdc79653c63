/** A share of events that must be good, and how to count those that are bad and all. */
export type Objective = {
  /** What it is about, in a few words. */
  readonly title: string
  readonly alert: string
  readonly runbook: string
  readonly summary: string
  /** The share that may be bad. */
  readonly budget: number
  /** Rates over a window, by deployment; `more` are further labels. */
  readonly bad: Count
  readonly all: Count
}

type Count = (window: string, more?: string) => string

/** Codes of refusals that are our own fault; all others are an answer. */
export const BAD_CODES =
  'UNAVAILABLE|INTERNAL|RESOURCE_EXHAUSTED|DEADLINE_EXCEEDED|STORAGE_FULL|CORRUPT_LOG|_OTHER'

const by = 'sum by (namespace)'
const selected = (...labels: readonly string[]) => {
  const wanted = labels.filter(Boolean).join(',')
  return wanted === '' ? '' : `{${wanted}}`
}
const slow = (metric: string, labels: string, le: string): { all: Count; bad: Count } => {
  const all: Count = (window, more = '') =>
    `${by} (rate(${metric}_count${selected(labels, more)}[${window}]))`
  const within: Count = (window, more = '') =>
    `${by} (rate(${metric}_bucket${selected(labels, `le="${le}"`, more)}[${window}]))`
  return { all, bad: (window, more) => `(${all(window, more)} - ${within(window, more)})` }
}

export const objectives: readonly Objective[] = [
  {
    title: 'Submissions',
    alert: 'MailxSubmitAvailability',
    runbook: 'submit-availability',
    summary: 'Submissions fail by our own fault faster than the objective of 99.95 % allows.',
    budget: 0.0005,
    bad: (window, more = '') =>
      `${by} (rate(mailx_gateway_submissions_total${selected(`code=~"${BAD_CODES}"`, more)}[${window}]))`,
    all: (window, more = '') =>
      `${by} (rate(mailx_gateway_submissions_total${selected(more)}[${window}]))`,
  },
  {
    title: 'Local mail',
    alert: 'MailxLocalDeliverySlow',
    runbook: 'local-delivery-slow',
    summary: 'Too much local mail is not in the mailbox 100 ms after acceptance (objective: 99 %).',
    budget: 0.01,
    ...slow('mailx_mailbox_delivery_seconds', 'from="user"', '0.1'),
  },
  {
    title: 'Mail to peers',
    alert: 'MailxRemoteDeliverySlow',
    runbook: 'remote-delivery-slow',
    summary:
      'Too much mail to healthy peers is not receipted a second after acceptance (objective: 99 %).',
    budget: 0.01,
    ...slow('mailx_remote_delivery_seconds', 'prompt="yes"', '1'),
  },
]
