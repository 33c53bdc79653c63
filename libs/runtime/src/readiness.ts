/** One thing a service needs to do its work. */
export type Check = {
  readonly name: string
  readonly ok: boolean
  /** What is wrong, for the operator. */
  readonly detail?: string
  /** Shown, but the service works without it. */
  readonly optional?: boolean
}

export type Readiness = { readonly ready: boolean; readonly checks: readonly Check[] }

/** Ready when every check that is not optional is. */
export const readinessOf = (checks: readonly Check[]): Readiness => ({
  ready: checks.every(({ ok, optional = false }) => ok || optional),
  checks,
})

/** The check of a service's processors, from what `runProjections` says of them. */
export const processorsCheck = (state: {
  readonly ready: boolean
  readonly reason?: string
}): Check => ({
  name: 'processors',
  ok: state.ready,
  ...(state.reason === undefined ? {} : { detail: state.reason }),
})

/** All checks under one roof; `prefix` keeps those of several services apart. */
export const mergeReadiness = (
  parts: ReadonlyArray<{ readonly prefix?: string; readonly readiness: Readiness }>,
): Readiness =>
  readinessOf(
    parts.flatMap(({ prefix, readiness }) =>
      readiness.checks.map((check) =>
        prefix === undefined ? check : { ...check, name: `${prefix}: ${check.name}` },
      ),
    ),
  )
