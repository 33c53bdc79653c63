import { type Manifest, ofKind } from '../chart/manifest.ts'

/** What the chart's Job makes of passwords, with one password for all. */
export function madeSecrets(
  manifests: readonly Manifest[],
  password: string,
): Readonly<Record<string, string>> {
  const job = ofKind(manifests, 'Job').find(({ metadata }) =>
    metadata.name.includes('make-secrets'),
  )
  const env = (job?.['spec'].template.spec.containers[0].env ?? []) as {
    name: string
    value: string
  }[]
  const texts = env.find(({ name }) => name === 'SECRET_TEXTS')?.value ?? '{}'
  return JSON.parse(texts.replaceAll(/\{[A-Z_]+\}/g, password)) as Record<string, string>
}
