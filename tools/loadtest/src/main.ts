import { MailxError } from '@mailx/errors/mailx-error'
import { Command, Option } from 'commander'
import { type RunFlags, runCommand } from './commands/run.ts'
import { type VerifyFlags, verifyCommand } from './commands/verify.ts'

const program = new Command('loadtest')
  .description(
    'Puts a MailX deployment under load and proves that what it accepted arrived. Messages are really sealed, and really opened by their recipients.',
  )
  .showHelpAfterError('(loadtest --help shows the commands, loadtest help <command> the options)')
  .showSuggestionAfterError()
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2)
  })
  .addHelpText(
    'after',
    `
Examples:
  loadtest run                                     a stack of its own on this machine, 100/s for 30 s
  loadtest run --rate max --duration 20s           how much that stack takes
  loadtest run --target mail.example --rate 1000 --duration 60s --warmup 10s --users 200 \\
    --recipients 1..5 --size 2k:90,100k:10 --journal run.journal --json run.json
  loadtest verify --journal run.journal            lost, duplicated, reordered, corrupt, unresolved

Exit codes: 0 all is well, 1 a message was lost, duplicated, reordered, corrupt, unresolved or in a
mailbox where it should not be, its recipient was not told of it, the journal is not whole, or the run
failed, 2 wrong command line`,
  )

const resolver = () =>
  new Option('--resolver <host:port>', "a DNS resolver instead of the system's").env(
    'MAILX_DNS_RESOLVER',
  )
const allowPrivate = () =>
  new Option('--allow-private', 'let servers be on this machine or in a private network').env(
    'MAILX_ALLOW_PRIVATE',
  )

program
  .command('run')
  .description('register users, send, listen as the recipients, keep a journal')
  .optionsGroup('Where to:')
  .option(
    '-t, --target <domain...>',
    'one or two domains, found through DNS (default: a stack of its own on this machine)',
  )
  .addOption(resolver())
  .addOption(allowPrivate())
  .option(
    '--metrics <name=url...>',
    'with --target: metrics of its processes, for CPU and memory: gateway=http://10.0.0.7:9090',
  )
  .option('--processes', 'a stack of its own has a process for each service')
  .optionsGroup('How much:')
  .option(
    '-r, --rate <rate>',
    'messages a second, max, or steps: 300:20s,3000:5s,300:20s (default: 100)',
  )
  .option('-d, --duration <time>', 'how long is measured (default: 30s)')
  .option('--warmup <time>', 'sent before that, and in no figure (default: 0s)')
  .option('--messages <count>', 'with --rate max: end after so many')
  .option(
    '--arrivals <kind>',
    'poisson: as of many people; fixed: evenly spaced (default: poisson)',
  )
  .option('--in-flight <count>', 'at most so many without an answer (default: 512 with --rate max)')
  .optionsGroup('Who and what:')
  .option('-u, --users <count>', 'users in all, over the domains (default: 100)')
  .option(
    '-m, --mode <mode>',
    'local, federated (first domain to second) or mixed (default: local)',
  )
  .option('--recipients <count>', 'per message: 1, or 1..5 (default: 1)')
  .option('-s, --size <bytes>', 'of a message: 2k, 1k..10k, or 2k:90,100k:10 (default: 2k)')
  .option(
    '--keyrings <file>',
    'users of an earlier run (its <journal>.keyrings) instead of new ones',
  )
  .option('--connections <count>', 'per domain; users share them (default: 500)')
  .optionsGroup('How:')
  .option(
    '--submit <way>',
    'stream: one open stream per sender; unary: a call a message (default: stream)',
  )
  .option(
    '--seal <when>',
    'inline: when a message is due; ahead: before the run, for short ones at full speed (default: inline)',
  )
  .option('--drain <time>', 'wait so long for what is on its way at the end (default: 30s)')
  .option(
    '--answer-within <time>',
    'give up a connection that answers nothing for so long (default: 15s)',
  )
  .option('--seed <number>', 'who writes what to whom, and when (default: 1)')
  .optionsGroup('What comes out:')
  .option('-j, --journal <file>', 'of every id, for verify; keyrings of the users beside it')
  .option('--verify', 'verify at once (default without --target)')
  .option('--no-verify', 'not')
  .option('--json <file>', 'the result, with a line a second; - is stdout')
  .option('--html <file>', 'a page with plots of latency, throughput, queues, CPU and memory')
  .option('--profile <folder>', 'CPU profiles of the services, with a stack of its own')
  .option('-q, --quiet', 'no progress on stderr')
  .addHelpText(
    'after',
    `
Latency counts from when a message was due, whatever became of the ones before it. What is refused for a
moment, or without an answer when a connection is lost, is handed over again under the same id.

Examples:
  loadtest run --rate 1000 --duration 20s --warmup 5s --seal ahead
  loadtest run --mode federated --rate max --messages 20000 --seal ahead
  loadtest run --target a.example,b.example --mode mixed --rate 300:30s,3000:5s,300:30s
  loadtest run --rate max --duration 20s --html report.html --json report.json`,
  )
  .action((flags: RunFlags) => run(() => runCommand(flags)))

program
  .command('verify')
  .description("read every recipient's mailbox and compare it with the journal of a run")
  .requiredOption('-j, --journal <file>', 'of the run; its keyrings lie beside it')
  .option(
    '--partial',
    'the run was broken off: take the journal as far as it goes, and what it leaves open for no failure',
  )
  .option('--settle <time>', 'wait so long for what has not arrived', '30s')
  .addOption(resolver())
  .addOption(allowPrivate())
  .option('--json', 'one JSON object, with every problem')
  .option('-q, --quiet', 'no progress on stderr')
  .addHelpText('after', '\nExample:\n  loadtest verify --journal run.journal --settle 2m')
  .action((flags: VerifyFlags) => run(() => verifyCommand(flags)))

async function run(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const { code, message } = error instanceof MailxError ? error : failure(error)
    process.stderr.write(`loadtest: ${message} (${code})\n`)
    process.exitCode = code === 'INVALID_ARGUMENT' ? 2 : 1
  }
}

const failure = (error: unknown) => ({
  code: 'INTERNAL',
  message: error instanceof Error ? (error.stack ?? error.message) : String(error),
})

await program.parseAsync()
// Left to end by itself, it waits now and then for ever for V8's compiler (nodejs/node#54918).
process.exit()
