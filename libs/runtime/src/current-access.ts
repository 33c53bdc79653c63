import type { RedisOptions } from '@mailx/cache/connect'
import { type CommonConfig, variables } from '@mailx/config/common'
import { followSecret } from '@mailx/config/follow-secret'
import { followTls } from '@mailx/config/follow-tls'
import type { Environment } from '@mailx/config/read-config'
import type { ServerPrefix } from '@mailx/errors/tls-trouble'
import type { PostgresOptions } from '@mailx/event-log/connect-postgres'
import { withPassword } from '@mailx/event-log/with-password'
import type { NatsAccess } from '@mailx/messaging/nats-access'
import type { Logger } from '@mailx/telemetry/logger'
import { tellFileTrouble } from './file-trouble.ts'

const files = ['CA', 'CERT', 'KEY'] as const

export type TlsConfig = Partial<
  Pick<CommonConfig, `${ServerPrefix}_${(typeof files)[number]}_FILE`>
>

export type ConnectionConfig = TlsConfig &
  Pick<
    CommonConfig,
    | 'DATABASE_URL'
    | 'DATABASE_PASSWORD'
    | 'DATABASE_CONNECTIONS'
    | 'NATS_URL'
    | 'NATS_SEED'
    | 'REDIS_URL'
    | 'BUS_KEY'
    | 'LOG_PARTITIONS'
  >

/** The ways into the servers, each as it is when somebody connects. */
export type CurrentAccess = {
  readonly postgres: Pick<PostgresOptions, 'url' | 'tls' | 'onUrlTrouble'>
  readonly nats: NatsAccess
  readonly redis: Pick<RedisOptions, 'url' | 'tls'>
}

/**
 * Follows the files that hold secrets and certificates: by `NAME_FILE` of `env`, and by the paths of
 * `config`. One that is no good leaves what it held before; that is logged once, and so is its end.
 */
export function currentAccess(
  config: ConnectionConfig,
  env: Environment,
  logger: Logger,
): CurrentAccess {
  const tell = tellFileTrouble(logger)
  const secret = <Name extends keyof typeof variables & keyof ConnectionConfig>(name: Name) =>
    followSecret({
      name,
      schema: variables[name] as never,
      value: config[name],
      env,
      onTrouble: tell(name),
    })
  const tls = (prefix: ServerPrefix) => {
    const [ca, cert, key] = files.map((file) => config[`${prefix}_${file}_FILE`])
    const current = followTls(prefix, { ca, cert, key }, tell(`TLS of ${prefix}`))
    return current === undefined ? {} : { tls: current }
  }
  const url = secret('DATABASE_URL')
  const password = secret('DATABASE_PASSWORD')
  const seed = secret('NATS_SEED')
  return {
    postgres: {
      url: () => withPassword(url(), password()),
      onUrlTrouble: tell('DATABASE_URL'),
      ...tls('DATABASE'),
    },
    nats: {
      url: secret('NATS_URL'),
      // Whether there is one is settled at start.
      ...(config.NATS_SEED !== undefined && { seed: () => seed() ?? '' }),
      ...tls('NATS'),
    },
    redis: { url: secret('REDIS_URL'), ...tls('REDIS') },
  }
}
