import * as client from '@kubernetes/client-node'
import type { Manifest } from './manifest.ts'

type Attribute = { readonly baseName: string; readonly type: string }
type Typed = { getAttributeTypeMap(): Attribute[] }

const classes = client as unknown as Readonly<Record<string, Typed | undefined>>

/** The class that describes a kind of Kubernetes' own, V1Deployment say; none for kinds of others. */
const classOf = ({ apiVersion, kind }: Manifest): Typed | undefined => {
  const [group = '', version = ''] = apiVersion.includes('/')
    ? apiVersion.split('/')
    : ['', apiVersion]
  if (group.includes('.') && !group.endsWith('.k8s.io')) return undefined
  const prefix = version.charAt(0).toUpperCase() + version.slice(1)
  return classes[`${prefix}${kind}`]
}

export const isOwnKind = (manifest: Manifest): boolean => classOf(manifest) !== undefined

/** Fields that Kubernetes does not know, and scalars of another type than it wants; with their paths. */
export function unknownFields(manifest: Manifest): string[] {
  const type = classOf(manifest)
  return type === undefined ? [] : inObject(manifest, type, manifest.kind)
}

function inObject(value: object, type: Typed, path: string): string[] {
  const attributes = new Map(type.getAttributeTypeMap().map((one) => [one.baseName, one.type]))
  return Object.entries(value).flatMap(([key, inner]) => {
    const wanted = attributes.get(key)
    const here = `${path}.${key}`
    return wanted === undefined ? [`${here} is no field`] : inValue(inner, wanted, here)
  })
}

function inValue(value: unknown, type: string, path: string): string[] {
  if (value === null || value === undefined) return [`${path} is empty`]
  const [, item] = /^Array<(.+)>$/.exec(type) ?? []
  if (item !== undefined) {
    if (!Array.isArray(value)) return [`${path} is no list`]
    return value.flatMap((one, at) => inValue(one, item, `${path}[${at}]`))
  }
  const [, entry] = /^\{ \[key: string\]: (.+); \}$/.exec(type) ?? []
  if (entry !== undefined) {
    return Object.entries(value).flatMap(([key, one]) => inValue(one, entry, `${path}.${key}`))
  }
  const inner = classes[type]
  if (typeof inner?.getAttributeTypeMap === 'function') {
    return typeof value === 'object' ? inObject(value, inner, path) : [`${path} is no object`]
  }
  return isScalar(value, type) ? [] : [`${path} is no ${type}`]
}

function isScalar(value: unknown, type: string): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === type
    case 'IntOrString':
      return typeof value === 'string' || typeof value === 'number'
    default:
      return true
  }
}
