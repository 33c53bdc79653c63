import { followTls } from '@mailx/config/follow-tls'
import type { PreparationConfig } from './config.ts'

type TlsConfig = Pick<
  PreparationConfig,
  'DATABASE_CA_FILE' | 'DATABASE_CERT_FILE' | 'DATABASE_KEY_FILE'
>

/** For who connects once and ends: a later change of the files is none of its business. */
export const databaseTls = ({
  DATABASE_CA_FILE: ca,
  DATABASE_CERT_FILE: cert,
  DATABASE_KEY_FILE: key,
}: TlsConfig): ReturnType<typeof followTls> => followTls('DATABASE', { ca, cert, key }, () => {})
