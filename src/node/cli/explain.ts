import { Command } from 'commander'
import { explainGraph } from '../../graph/explain.js'
import { loadJob } from './load.js'
import { type Parameters, setOption, verboseOption } from './settings.js'

const HELP = `
Examples:
  $ sabot explain flights.ts                    the operators, from sources to sinks
  $ sabot explain jobs.ts:hourly                the job that is exported as "hourly"
  $ sabot explain flights.ts --set bound=48h    with another value for a parameter
  $ sabot explain flights.ts --json             for programs: operators, edges, settings`

interface ExplainOptions {
  readonly set?: Parameters
  readonly json?: true
}

export function explainCommand(done: (exitCode: number) => void): Command {
  return new Command('explain')
    .description("show a job's operators and how rows flow through them, without running it")
    .argument('<file[:export]>', 'a module that exports a job, TypeScript or JavaScript')
    .addOption(setOption())
    .option('--json', 'as JSON')
    .addOption(verboseOption())
    .addHelpText('after', HELP)
    .action(async (file: string, options: ExplainOptions) => {
      const graph = (await loadJob(file)).plan(options.set ?? {})
      process.stdout.write(`${options.json ? JSON.stringify(graph.toJSON(), undefined, 2) : explainGraph(graph)}\n`)
      done(0)
    })
}
