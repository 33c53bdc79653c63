import { toBase64 } from '@mailx/crypto/encoding'
import { type JsonObject, type JsonValue } from '@mailx/json/json-value'
import { verifyConsistency } from '@mailx/merkle/consistency-proof'
import { verifyInclusion } from '@mailx/merkle/inclusion-proof'
import { openNote, parseVerifierKey } from '@mailx/merkle/note'
import { leafHash } from '@mailx/merkle/tree-hash'
import { arrayField, bytesField, bytesOf, intField, objectOf, textField } from './fields.ts'
import { type Call, checked } from './verdict.ts'

export const merkleLeafHash: Call = (fields) => ({
  ok: true,
  out: toBase64(leafHash(bytesField(fields, 'leaf'))),
})

export const merkleVerifyInclusion: Call = (fields) =>
  checked(
    verifyInclusion({
      leafHash: bytesField(fields, 'leafHash'),
      index: intField(fields, 'index'),
      size: intField(fields, 'size'),
      root: bytesField(fields, 'root'),
      proof: proofField(fields),
    }),
    'BAD_PROOF',
    'the proof does not lead from the leaf to the root',
  )

export const merkleVerifyConsistency: Call = (fields) =>
  checked(
    verifyConsistency({
      size1: intField(fields, 'size1'),
      size2: intField(fields, 'size2'),
      root1: bytesField(fields, 'root1'),
      root2: bytesField(fields, 'root2'),
      proof: proofField(fields),
    }),
    'BAD_PROOF',
    'the proof does not show that the second tree continues the first',
  )

export const noteOpen: Call = (fields) => {
  const verifiers = arrayField(fields, 'verifiers').map(verifierOf)
  const { text, verifiedBy } = openNote(textField(fields, 'note'), verifiers)
  return { ok: true, out: { text, verifiedBy } }
}

const proofField = (fields: JsonObject): Uint8Array[] =>
  arrayField(fields, 'proof').map((hash) => bytesOf(hash, 'proof'))

function verifierOf(value: JsonValue): { name: string; publicKey: Uint8Array } {
  if (typeof value === 'string') return parseVerifierKey(value)
  const verifier = objectOf(value, 'verifiers')
  return { name: textField(verifier, 'name'), publicKey: bytesField(verifier, 'publicKey') }
}
