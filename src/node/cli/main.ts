#!/usr/bin/env node
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { catCommand } from './cat.js'
import { checkpointCommand } from './checkpoint.js'
import { controlCommands } from './control.js'
import { convertCommand } from './convert.js'
import { explainCommand } from './explain.js'
import { reportError } from './report-error.js'
import { bareResume, runCommand } from './run.js'
import { topCommand } from './top.js'

const { version, description } = createRequire(import.meta.url)('sabot/package.json') as {
  version: string
  description: string
}

const HELP = `
Start here:
  $ sabot run flights.ts                 run the job that flights.ts exports
  $ sabot explain flights.ts             show its operators without running it
  $ sabot run flights.ts --resume        run it so that a crash loses nothing: start it again the same way
  $ sabot top                            look at a job that runs with --http, live
  $ sabot rescale 4                      give it four parallel subtasks while it runs
  $ sabot checkpoint ls .sabot/flights   see the checkpoints that it took
  $ sabot cat clicks.ndjson --stats      look into a file of data: schema, time range, how far out of order
  $ sabot convert trips.csv trips.ndjson write it in another format

A job is a module's export:
  import { count, job, ndjson, parquet, tumbling } from 'sabot'
  export default job('flights', j => {
    j.from(parquet('flights.parquet', { date: 'timestamp', origin: 'utf8' }))
      .withTimestamps('date', { outOfOrderness: '2h' })
      .keyBy('origin').window(tumbling('1h')).aggregate({ flights: count() })
      .to(ndjson('hourly.ndjson'))
  })

Exit codes: 0 finished or stopped, 1 the job failed, 2 it could not be started as asked, 130 quit by a second Ctrl-C.`

/** Sets the exit code once a command is done. */
type Done = (exitCode: number) => void

function createProgram(done: Done): Command {
  const program = new Command('sabot')
    .description(description)
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .addHelpText('after', HELP)
    .showHelpAfterError('(see --help)')
    .exitOverride()
  const commands = [
    runCommand(done),
    explainCommand(done),
    checkpointCommand(done),
    catCommand(done),
    convertCommand(done),
    topCommand(done),
    ...controlCommands(done),
  ]
  for (const command of commands) program.addCommand(inheritSettings(program, command))
  return program
}

function inheritSettings(parent: Command, command: Command): Command {
  command.copyInheritedSettings(parent)
  for (const child of command.commands) inheritSettings(command, child)
  return command
}

async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0
  const program = createProgram(code => {
    exitCode = code
  })
  if (args.length === 0) {
    program.outputHelp()
    return 2
  }
  try {
    await program.parseAsync(bareResume(args), { from: 'user' })
    return exitCode
  } catch (error) {
    // commander has printed its own message; help and version come here as well, with exit code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    reportError(error, { verbose: args.includes('--verbose') })
    return 2
  }
}

// A reader that has seen enough (`sabot explain job.ts | head`) is no failure; a job's own output reports it itself.
process.stdout.on('error', () => {})
const exitCode = await main(process.argv.slice(2))
// Whatever a user's module keeps open, the command is done; output that is on its way goes first.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)))
