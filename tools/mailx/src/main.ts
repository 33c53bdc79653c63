import { Command, InvalidArgumentError, Option } from 'commander'
import { deleteCommand, flagCommand } from './commands/flag.ts'
import { inboxCommand } from './commands/inbox.ts'
import { keysCommand } from './commands/keys.ts'
import { readCommand } from './commands/read.ts'
import { recoverCommand } from './commands/recover.ts'
import { registerCommand } from './commands/register.ts'
import { replyCommand } from './commands/reply.ts'
import { sendCommand } from './commands/send.ts'
import { statusCommand } from './commands/status.ts'
import { watchCommand } from './commands/watch.ts'
import { exitCodes } from './exit-code.ts'
import { run, runWithAccount } from './run-command.ts'

const program = new Command('mailx')
  .description('Mail that no server can read. Keys stay in a keyring file on this device.')
  .option('-a, --account <address>', 'which account, where there are several')
  .option('--json', 'one line of JSON on stdout')
  .option('-q, --quiet', 'no remarks on stderr')
  .showHelpAfterError('(mailx --help shows the commands, mailx help <command> the options)')
  .showSuggestionAfterError()
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2)
  })
  .addHelpText(
    'after',
    `
Examples:
  mailx register alice@a.test
  mailx send --to bob@b.test --subject Lunch --body 'At noon?'
  mailx inbox
  mailx read last

Environment:
  MAILX_HOME             folder of the accounts
  MAILX_PASSPHRASE_FILE  file with the passphrase of the keyring (or MAILX_PASSPHRASE)
  MAILX_DNS_RESOLVER     host:port of a DNS resolver instead of the system's
  MAILX_ALLOW_PRIVATE=1  let servers be on this machine or in a private network
  OTEL_EXPORTER_OTLP_ENDPOINT and the other OTEL_ variables: where to send traces

Exit codes:
${Object.entries(exitCodes)
  .map(([code, meaning]) => `  ${code}  ${meaning}`)
  .join('\n')}`,
  )

const unprotected = () =>
  new Option('--unprotected', 'store the keys without a passphrase: whoever reads the file is you')
const seconds = (text: string) => positive(text, 86_400)
const body = (command: Command) =>
  command
    .option('-b, --body <text>', 'the text')
    .option('-f, --body-file <path>', 'read the text from a file; - is stdin, as without both')
    .option('--attach <path...>', 'attach files')

program
  .command('register')
  .description('make keys and claim an address at its domain')
  .argument('<address>', 'for example alice@a.test')
  .option('--device <name>', 'what this device is called (default: the host name)')
  .addOption(unprotected())
  .addHelpText('after', '\nExample:\n  mailx register alice@a.test --device laptop')
  .action(run(registerCommand))

program
  .command('recover')
  .description('bring an account back with its recovery code')
  .argument('<address>')
  .requiredOption('--code <code>', 'the recovery code that register printed')
  .option('--revoke-others', 'strike all other devices off the device list')
  .option('--device <name>', 'what this device is called')
  .addOption(unprotected())
  .addHelpText('after', '\nExample:\n  mailx recover alice@a.test --code 0f3c-… --revoke-others')
  .action(run(recoverCommand))

body(
  program
    .command('send')
    .description('seal a message and hand it to the own domain')
    .requiredOption('-t, --to <address...>', 'recipients')
    .option('--cc <address...>', 'recipients that everybody sees')
    .option('--bcc <address...>', 'recipients that nobody else sees')
    .option('-s, --subject <text>', 'the subject', ''),
)
  .option('--no-copy', 'keep no copy in the own mailbox')
  .addHelpText(
    'after',
    `
Examples:
  mailx send --to bob@b.test --subject Lunch --body 'At noon?'
  mailx send --to bob@b.test carol@b.test --bcc dave@a.test -s Report -f report.txt --attach plan.pdf
  date | mailx send --to bob@b.test --subject Now`,
  )
  .action(runWithAccount(sendCommand))

program
  .command('inbox')
  .description('list messages, newest first')
  .option('--all', 'own messages too')
  .option('--unread', 'only those without the flag seen')
  .option('-n, --limit <count>', 'how many', (text) => positive(text, 10_000), 50)
  .option('--wait <seconds>', 'wait for a message when there is none', seconds)
  .addHelpText('after', '\nExamples:\n  mailx inbox --unread\n  mailx --json inbox --wait 30')
  .action(runWithAccount(inboxCommand))

program
  .command('read')
  .description('show a message after every check held')
  .argument('<message>', 'its id, the end of its id, or last')
  .option('--save <folder>', 'save its attachments there')
  .option('--keep-unread', 'do not set the flag seen')
  .addHelpText('after', '\nExamples:\n  mailx read last\n  mailx read 3f9a2c1b --save ./files')
  .action(runWithAccount(readCommand))

body(program.command('reply').description('answer a message').argument('<message>', 'as for read'))
  .option('--all', 'to everybody who could see the message')
  .option('--quote', 'with the original below')
  .addHelpText('after', "\nExample:\n  mailx reply last --body 'Gladly.'")
  .action(runWithAccount(replyCommand))

program
  .command('status')
  .description('what became of a message, per recipient: accepted, delivered, deferred, bounced')
  .argument('<message>', 'its id, the end of its id, or last')
  .option('--wait <seconds>', 'wait until each copy is delivered or bounced', seconds)
  .addHelpText('after', '\nExample:\n  mailx status last --wait 10')
  .action(runWithAccount(statusCommand))

program
  .command('keys')
  .description('fingerprints of an address, own or other, as its domain attests and logs them')
  .argument('[address]')
  .option('--verified', 'record that you compared them over another channel')
  .option('--accept', 'take a changed key, after comparing')
  .addHelpText('after', '\nExamples:\n  mailx keys\n  mailx keys bob@b.test --verified')
  .action(runWithAccount(keysCommand))

program
  .command('watch')
  .description('show messages and delivery states as they come')
  .option('-n, --count <count>', 'end after so many messages', (text) => positive(text, 1e9))
  .addHelpText('after', '\nExample:\n  mailx --json watch')
  .action(runWithAccount(watchCommand))

program
  .command('flag')
  .description('add or remove flags: seen, flagged, answered, or own keywords')
  .argument('<message>')
  .option('--add <flag...>')
  .option('--remove <flag...>')
  .addHelpText('after', '\nExample:\n  mailx flag last --add flagged --remove seen')
  .action(runWithAccount(flagCommand))

program
  .command('delete')
  .description('remove messages from the own mailbox')
  .argument('<message...>')
  .addHelpText('after', '\nExample:\n  mailx delete 3f9a2c1b')
  .action(runWithAccount(deleteCommand))

function positive(text: string, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new InvalidArgumentError(`write a whole number from 1 to ${max}`)
  }
  return value
}

await program.parseAsync()
