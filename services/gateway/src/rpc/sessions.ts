import type { CurrentKeys } from '@mailx/crypto/current-keys'
import { fromBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { openSessionToken } from '@mailx/statement/session-token'
import { hashAddress } from '@mailx/telemetry/logger'
import { checkSession, type Session } from '../deciders/session.ts'
import type { KnownState } from '../reactors/known-state.ts'

/** A session of a call, with what logs and events may say of its user. */
export type CallerSession = Session & { readonly actor: string }

type Call = { readonly metadata: { get(name: string): readonly unknown[] } }

export type Sessions = {
  /** Who calls. Throws UNAUTHENTICATED, SESSION_EXPIRED or DEVICE_REVOKED. */
  require(call: Call): CallerSession
  /** Throws when a session that was good at the start of a stream is so no more. */
  check(session: Session): void
  /** Calls back once, with the reason, when the session ends. Returns how to stop watching. */
  watch(session: Session, onOver: (reason: MailxError) => void): () => void
}

type Deps = {
  readonly known: Pick<KnownState, 'isListed' | 'onListChanged'>
  readonly sessionKeys: CurrentKeys
  readonly now: () => number
}

const SCHEME = 'Bearer '
const LONGEST_TIMER_MS = 2 ** 31 - 1

export function sessions({ known, sessionKeys, now }: Deps): Sessions {
  const check = (session: Session) =>
    checkSession(session, known.isListed(session.address, session.deviceId), now())

  return {
    require(call) {
      const session = openSessionToken(tokenOf(call), sessionKeys(), now())
      check(session)
      return { ...session, actor: hashAddress(session.address) }
    },
    check,
    watch(session, onOver) {
      const look = () => {
        try {
          check(session)
        } catch (error) {
          stop()
          onOver(asMailxError(error))
        }
      }
      const left = Math.max(session.expiresAt - now(), 0) + 1
      const timer = setTimeout(look, Math.min(left, LONGEST_TIMER_MS))
      const unlisten = known.onListChanged((address) => {
        if (address === session.address) look()
      })
      const stop = () => {
        clearTimeout(timer)
        unlisten()
      }
      return stop
    },
  }
}

function tokenOf({ metadata }: Call): Uint8Array {
  const [header] = metadata.get('authorization')
  if (typeof header !== 'string' || header === '') {
    throw new MailxError(
      'UNAUTHENTICATED',
      'this call needs a session: send the metadata "authorization: Bearer <base64 token>"',
    )
  }
  if (!header.startsWith(SCHEME)) {
    throw new MailxError('UNAUTHENTICATED', 'the metadata "authorization" must be "Bearer <token>"')
  }
  try {
    return fromBase64(header.slice(SCHEME.length))
  } catch (cause) {
    throw new MailxError('UNAUTHENTICATED', 'the session token is not in base64', { cause })
  }
}

const asMailxError = (error: unknown): MailxError =>
  error instanceof MailxError
    ? error
    : new MailxError('INTERNAL', 'a session could not be checked', { cause: error })
