/** What a person needs to know about each backend to get it. */
export const kinds = {
  postgres: {
    title: 'Postgres',
    variable: 'MAILX_POSTGRES_URL',
    install: [
      'npm install                          (brings it for Linux and macOS, x64 and arm64)',
      'docker run -d -p 5432:5432 -e POSTGRES_PASSWORD=mailx postgres:18',
      '  and MAILX_POSTGRES_URL=postgres://postgres:mailx@127.0.0.1:5432/postgres',
    ],
  },
  nats: {
    title: 'NATS',
    variable: 'MAILX_NATS_URL',
    install: [
      'sudo apt-get install nats-server     (Debian 12, Ubuntu 24.04 or newer)',
      'brew install nats-server             (macOS, or Linux with Homebrew)',
      'docker run -d -p 4222:4222 nats:2-alpine -js',
      '  and MAILX_NATS_URL=nats://127.0.0.1:4222',
    ],
  },
  redis: {
    title: 'Redis',
    variable: 'MAILX_REDIS_URL',
    install: [
      'sudo apt-get install redis-server    (Debian 12, Ubuntu 24.04 or newer)',
      'brew install redis                   (macOS, or Linux with Homebrew)',
      'docker run -d -p 6379:6379 valkey/valkey:8-alpine',
      '  and MAILX_REDIS_URL=redis://127.0.0.1:6379',
    ],
  },
} as const

export type BackendKind = keyof typeof kinds

/** Why there is no such server here, and the commands that change that. */
export function howToGet(kind: BackendKind, problems: readonly string[]): string {
  const { title, variable, install } = kinds[kind]
  return [
    `There is no ${title} to be had on this machine:`,
    ...problems.map((problem) => `  - ${problem}`),
    'Any one of these helps; then run the same command again:',
    ...install.map((line) => `  ${line}`),
    `  start a Docker engine: MailX then runs ${title} in it by itself`,
    `  set ${variable} to the URL of a server that is up`,
  ].join('\n')
}
