import { agreeX25519, boxOpen, hashBlake2b, secretboxOpen, verifyEd25519 } from './crypto-calls.ts'
import { envelopeOpen } from './envelope-call.ts'
import {
  merkleLeafHash,
  merkleVerifyConsistency,
  merkleVerifyInclusion,
  noteOpen,
} from './merkle-calls.ts'
import { addressParse, dnsParseTxt, domainNormalize, jsonParseUntrusted } from './name-calls.ts'
import { statementEncode } from './statement-call.ts'
import type { Call } from './verdict.ts'

/** Every call by its name. Each goes to the function that the services and clients use. */
export const calls: ReadonlyMap<string, Call> = new Map([
  ['ed25519.verify', verifyEd25519],
  ['x25519', agreeX25519],
  ['blake2b', hashBlake2b],
  ['secretbox.open', secretboxOpen],
  ['box.open', boxOpen],
  ['statement.encode', statementEncode],
  ['address.parse', addressParse],
  ['domain.normalize', domainNormalize],
  ['dns.parseTxt', dnsParseTxt],
  ['json.parseUntrusted', jsonParseUntrusted],
  ['envelope.open', envelopeOpen],
  ['merkle.leafHash', merkleLeafHash],
  ['merkle.verifyInclusion', merkleVerifyInclusion],
  ['merkle.verifyConsistency', merkleVerifyConsistency],
  ['note.open', noteOpen],
])
