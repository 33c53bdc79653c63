// Makes the keys of a Kubernetes Secret that are not there yet: SECRET_KEYS of SECRET_NAME in
// SECRET_NAMESPACE, each 32 random bytes, in base64 or, as a password, in hex; and those of SECRET_TEXTS,
// in which {PASSWORD} stands for one of the others. What is there stays as it is, whoever made it. It runs
// as a Job of the chart and needs nothing but Node.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'

const {
  KUBERNETES_SERVICE_HOST: host = 'kubernetes.default.svc',
  KUBERNETES_SERVICE_PORT: port = '443',
  KUBERNETES_API: api = `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
  SERVICE_ACCOUNT_TOKEN_FILE: tokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token',
  SECRET_NAME: name,
  SECRET_NAMESPACE: namespace,
  SECRET_KEYS: keys = '',
  SECRET_TEXTS: texts = '{}',
} = process.env

const templates = JSON.parse(texts)
const wanted = [...keys.split(',').filter((key) => key !== ''), ...Object.keys(templates)]
const collection = `/api/v1/namespaces/${namespace}/secrets`

const there = await ask('GET', `${collection}/${name}`)
if (there === undefined) {
  const stringData = make(wanted, {})
  const annotations = { 'helm.sh/resource-policy': 'keep' }
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name, annotations }, stringData }
  await ask('POST', collection, 'application/json', secret)
  console.log(`made ${name} with ${wanted.join(', ')}`)
} else {
  const missing = wanted.filter((key) => !(key in (there.data ?? {})))
  if (missing.length > 0) {
    // Refused with 409 when somebody has changed the Secret in between: then the next try looks again.
    const stringData = make(missing, there.data ?? {})
    const metadata = { resourceVersion: there.metadata.resourceVersion }
    const patch = { metadata, stringData }
    await ask('PATCH', `${collection}/${name}`, 'application/merge-patch+json', patch)
  }
  console.log(missing.length > 0 ? `added ${missing.join(', ')}` : 'everything is there')
}

/** Keys first: texts are made of these, and of those that are there. */
function make(names, known) {
  const stringData = {}
  const valueOf = (key) => stringData[key] ?? Buffer.from(known[key], 'base64').toString()
  for (const key of names) {
    const text = templates[key]
    stringData[key] =
      text === undefined
        ? randomBytes(32).toString(key.endsWith('_PASSWORD') ? 'hex' : 'base64')
        : text.replaceAll(/\{([A-Z_]+)\}/g, (_all, of) => valueOf(of))
  }
  return stringData
}

/** The answer, or undefined where there is nothing. Anything else that is not a success ends the Job. */
async function ask(method, path, type, body) {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`,
      accept: 'application/json',
      ...(type && { 'content-type': type }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  })
  if (response.status === 404 && method === 'GET') return undefined
  if (response.ok) return response.json()
  const { message = response.statusText } = await response.json().catch(() => ({}))
  throw new Error(`${method} ${path}: ${response.status} ${message}`)
}
