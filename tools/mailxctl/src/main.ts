import { Command } from 'commander'
import {
  accessCommand,
  type K8sAccessOptions,
  k8sAccessCommand,
  k8sNatsUsersCommand,
  natsUsersCommand,
} from './commands/access.ts'
import {
  certificatesCommand,
  type K8sCertificatesOptions,
  k8sCertificatesCommand,
} from './commands/certificates.ts'
import { domainsCommand } from './commands/domains.ts'
import { type K8sStatusOptions, k8sStatusCommand } from './commands/k8s-status.ts'
import { tailCommand, verifyCommand } from './commands/log.ts'
import {
  lagCommand,
  listParkedCommand,
  rebuildCommand,
  replayCommand,
} from './commands/projection.ts'
import { statusCommand } from './commands/status.ts'
import { supportBundleCommand } from './commands/support-bundle.ts'
import { traceCommand } from './commands/trace.ts'
import { run } from './run.ts'

const program = new Command('mailxctl')
  .description("For operators of a MailX deployment. Works on the deployment's database.")
  .option('--json', 'one JSON object a line')
  .showHelpAfterError()
  .showSuggestionAfterError()
  .addHelpText(
    'after',
    `
Environment:
  DATABASE_URL         postgres://user:password@host:5432/database of the deployment
                       (or DATABASE_URL_FILE: a file that holds it)
  DATABASE_PASSWORD    the password, where it is not in the URL (or DATABASE_PASSWORD_FILE)
  DATABASE_CA_FILE     authorities of which Postgres has its certificate: then by TLS alone
                       (DATABASE_CERT_FILE and DATABASE_KEY_FILE: what it wants to see)
  HTTP_ENDPOINT        for domains: as identity has it
  ALSO_DATABASE_URLS   for trace: those of further deployments, separated by commas
  OPS_URLS             for status, support-bundle: the ops ports of the processes, separated by commas
  MAILX_RELEASE        for the same, in Kubernetes instead: the Helm release
  TRACES_URL           for trace: the HTTP API of Jaeger, Tempo or otel-view

Examples:
  mailxctl status
  mailxctl trace 018f3c5e-7a1b-7c2d-8e3f-0123456789ab
  mailxctl domains
  mailxctl certificates /etc/mailx/internal --deployment mail.example
  mailxctl access /etc/mailx/access
  mailxctl nats-users /etc/mailx/access
  mailxctl log tail --follow
  mailxctl log verify
  mailxctl projection lag
  mailxctl projection rebuild storage.submitted
  mailxctl parked list

Exit codes: 0 done and fine, 1 failed or something is not as it must be, 2 wrong command line`,
  )
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2)
  })

/** By which a command finds a deployment in Kubernetes. */
const withCluster = (command: Command): Command =>
  command
    .option('-n, --namespace <name>', "the deployment's (default: that of the context)")
    .option('--context <name>', 'of the kubeconfig (default: its current one)')
    .option(
      '--kubeconfig <file>',
      'default: KUBECONFIG, ~/.kube/config, or the pod that this runs in',
    )

/** By which a command finds the processes. */
const withProcesses = (command: Command): Command =>
  withCluster(
    command
      .option('--ops <url...>', 'ops ports of the processes (default: OPS_URLS)')
      .option(
        '--release <name>',
        'a Helm release, whose pods are asked by the Kubernetes API (default: MAILX_RELEASE)',
      ),
  )

withProcesses(program.command('status'))
  .description('on one page what one asks first; exit code 1 when something is wrong')
  .action(run(statusCommand))

withProcesses(program.command('support-bundle'))
  .description('what somebody who helps needs to know, without addresses, tokens, keys or mail')
  .option('--out <file>', 'where it goes; - is stdout', 'mailx-support.json')
  .option('--logs <folder>', 'the ends of the log files in it (default: the logs of the release)')
  .action(run(supportBundleCommand))

program
  .command('trace')
  .description('the way of a message, from the event logs and the traces: submitted to read')
  .argument('<message-id>')
  .option('--traces <url>', 'where traces are kept (default: TRACES_URL)')
  .option('--also <url...>', 'databases of further deployments (default: ALSO_DATABASE_URLS)')
  .action(run(traceCommand))

program
  .command('domains')
  .description('the hosted domains, and the TXT record that each needs in DNS')
  .action(run(domainsCommand))

program
  .command('certificates')
  .description(
    'make and renew the certificates by which the services know each other: a folder for each',
  )
  .argument('<folder>', 'authority/ stays here; <service>/ goes to where the service runs')
  .requiredOption('--deployment <name>', 'in the certificates: spiffe://<deployment>/<service>')
  .action(
    run((output, folder: string, options: { deployment: string }) =>
      certificatesCommand(output, folder, options),
    ),
  )

program
  .command('access')
  .description(
    "make each process's password of its Postgres role and seed of its NATS user: a folder for each",
  )
  .argument('<folder>', '<process>/ goes to where it runs, postgres-roles/ is for prepare-database')
  .action(run((output, folder: string) => accessCommand(output, folder)))

program
  .command('nats-users')
  .description('print the users, with what each may do, for the configuration of a NATS server')
  .argument('<folder>', 'as `mailxctl access` has made it')
  .action(run((output, folder: string) => natsUsersCommand(output, folder)))

const log = program.command('log').description('the event log')
log
  .command('tail')
  .description('the newest events')
  .option('-p, --partition <name>', 'one partition (submission-0) or context (submission)')
  .option('-n, --lines <count>', 'how many of each partition', Number, 10)
  .option('-f, --follow', 'go on with what comes')
  .option('-d, --data', 'with the decoded data (addresses included)')
  .action(run(tailCommand))
log
  .command('verify')
  .description('walk the hash chains and report the first break of each')
  .option('-p, --partition <name>', 'only this one')
  .action(run(verifyCommand))

const projection = program.command('projection').description('read models')
projection
  .command('lag')
  .description('how far each projection and reactor is behind')
  .action(run(lagCommand))
projection
  .command('rebuild')
  .description(
    'empty a projection and fill it from the log; its service does it, in one transaction',
  )
  .argument('<name>', 'as `projection lag` names it')
  .action(run((output, name: string) => rebuildCommand(output, name)))

const parked = program.command('parked').description('events that a processor could not apply')
parked.command('list').description('what is parked, and why').action(run(listParkedCommand))
parked
  .command('replay')
  .description("apply a processor's parked events once more, after the cause is mended")
  .argument('<processor>')
  .action(run((output, name: string) => replayCommand(output, name)))

const k8s = program.command('k8s').description('a deployment in Kubernetes')

const inCluster = (name: string, description: string): Command =>
  withCluster(k8s.command(name).description(description))

inCluster(
  'status',
  'pods, versions, readiness, lag and certificates; exit code 1 when something is wrong',
)
  .option('-l, --selector <labels>', 'which pods', 'app.kubernetes.io/name=mailx')
  .action(run((output, options: K8sStatusOptions) => k8sStatusCommand(output, options)))
inCluster(
  'certificates',
  'make and renew the certificates by which the services know each other, as Secrets',
)
  .requiredOption('--prefix <name>', 'what the names of the Secrets begin with')
  .requiredOption('--deployment <name>', 'in the certificates: spiffe://<deployment>/<service>')
  .action(run((output, options: K8sCertificatesOptions) => k8sCertificatesCommand(output, options)))
inCluster(
  'access',
  "make each process's password of its Postgres role and seed of its NATS user, as Secrets",
)
  .requiredOption('--prefix <name>', 'what the names of the Secrets begin with')
  .action(run((output, options: K8sAccessOptions) => k8sAccessCommand(output, options)))
inCluster('nats-users', 'print the users of those Secrets, for the configuration of a NATS server')
  .requiredOption('--prefix <name>', 'what the names of the Secrets begin with')
  .action(run((output, options: K8sAccessOptions) => k8sNatsUsersCommand(output, options)))

await program.parseAsync()
