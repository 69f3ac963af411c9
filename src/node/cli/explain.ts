import { Command } from 'commander'
import { ExecutionGraph } from '../../graph/execution-graph.js'
import { explainGraph } from '../../graph/explain.js'
import { executionDot, explainExecution } from '../../graph/explain-execution.js'
import { xxh64Hex } from '../../kernel/hash.js'
import { nodeEnvironment } from '../environment.js'
import { loadJob } from './load.js'
import { type Parameters, parallelismOption, setOption, verboseOption } from './settings.js'

const HELP = `
Examples:
  $ sabot explain flights.ts                    the operators, from sources to sinks
  $ sabot explain jobs.ts:hourly                the job that is exported as "hourly"
  $ sabot explain flights.ts --set bound=48h    with another value for a parameter
  $ sabot explain flights.ts --parallelism 4    how it would run with four subtasks: tasks, exchanges, slots
  $ sabot explain flights.ts --dot | dot -Tsvg  the tasks as a drawing, with Graphviz
  $ sabot explain flights.ts --json             for programs: operators, edges, settings, execution`

interface ExplainOptions {
  readonly set?: Parameters
  readonly parallelism?: number
  readonly json?: true
  readonly dot?: true
}

export function explainCommand(done: (exitCode: number) => void): Command {
  return new Command('explain')
    .description("show a job's operators and how rows flow through them, without running it")
    .argument('<file[:export]>', 'a module that exports a job, TypeScript or JavaScript')
    .addOption(setOption())
    .addOption(parallelismOption())
    .option('--json', 'as JSON')
    .option('--dot', "in Graphviz' language")
    .addOption(verboseOption())
    .addHelpText('after', HELP)
    .action(async (file: string, options: ExplainOptions) => {
      const graph = (await loadJob(file)).plan(options.set ?? {})
      process.stdout.write(`${explained(new ExecutionGraph(graph, options.parallelism), options)}\n`)
      done(0)
    })
}

function explained(execution: ExecutionGraph, { json, dot }: ExplainOptions): string {
  if (dot) return executionDot(execution)
  if (!json) return `${explainGraph(execution.job)}\n${explainExecution(execution)}`
  const fingerprint = xxh64Hex(nodeEnvironment().createKernel(), new TextEncoder().encode(execution.canonical))
  const graph = { ...execution.job.toJSON(), execution: { fingerprint, ...execution.toJSON() } }
  return JSON.stringify(graph, undefined, 2)
}
