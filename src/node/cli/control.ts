/* Commands to a job that runs with --http. */
import { Command, InvalidArgumentError } from 'commander'
import { DEFAULT_METRICS_PORT } from '../http/metrics-server.js'
import { DEFAULT_URL, fetchJobs, post, urlOf } from './server.js'
import { UsageError } from './usage-error.js'

const HELP = `
The job must run with --http, such as: sabot run flights.ts --resume --http ${DEFAULT_METRICS_PORT}
A server that other machines can reach wants a token: set SABOT_HTTP_TOKEN, for the job and for this command.`

interface ControlOptions {
  readonly job?: string
  readonly drain?: true
  readonly savepoint?: true
}

type Done = (exitCode: number) => void

/** sabot savepoint, sabot rescale, sabot stop. */
export function controlCommands(done: Done): Command[] {
  return [savepoint(done), rescale(done), stop(done)]
}

function savepoint(done: Done): Command {
  return controlling('savepoint', 'take a checkpoint of a running job that is kept until you remove it')
    .argument('[url]', 'where the job serves (sabot run --http)', DEFAULT_URL)
    .action(async (url: string, options: ControlOptions) => {
      const { job, answer } = await ask(url, options, 'savepoint', {})
      const id = String(answer.checkpointId)
      print(`savepoint ${id} of ${job} is complete; sabot run FILE --resume ${id} goes on from there`)
      done(0)
    })
}

function rescale(done: Done): Command {
  return controlling('rescale', 'let a running job go on with another number of parallel subtasks')
    .argument('<n>', 'parallel subtasks of keyed operators', (text: string): number => {
      if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1.')
      return Number(text)
    })
    .argument('[url]', 'where the job serves (sabot run --http)', DEFAULT_URL)
    .action(async (parallelism: number, url: string, options: ControlOptions) => {
      const { job } = await ask(url, options, 'rescale', { parallelism })
      print(`${job} runs with parallelism ${parallelism}`)
      done(0)
    })
}

function stop(done: Done): Command {
  return controlling('stop', 'stop a running job with a last checkpoint, so that it can be resumed')
    .argument('[url]', 'where the job serves (sabot run --http)', DEFAULT_URL)
    .option('--drain', 'let open windows fire and end the job as if its input ended here')
    .option('--savepoint', 'the last checkpoint is a savepoint: it is kept until you remove it')
    .action(async (url: string, options: ControlOptions) => {
      const { drain = false, savepoint: isSavepoint = false } = options
      const { job } = await ask(url, options, 'stop', { drain, savepoint: isSavepoint })
      print(`${job} is stopping`)
      done(0)
    })
}

function controlling(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--job <name>', 'which job, where several are served')
    .addHelpText('after', HELP)
}

async function ask(
  address: string,
  { job: wanted }: ControlOptions,
  action: string,
  body: object,
): Promise<{ readonly job: string; readonly answer: Readonly<Record<string, unknown>> }> {
  const url = urlOf(address)
  const names = (await fetchJobs(url)).map(({ name }) => name)
  const job = wanted ?? (names.length === 1 ? names[0] : undefined)
  if (job === undefined || !names.includes(job)) {
    const known = `it serves ${names.join(', ') || 'none'}`
    const message = wanted === undefined ? `Choose one with --job: ${known}` : `There is no job ${wanted}: ${known}`
    throw new UsageError(wanted === undefined ? 'SEVERAL_JOBS' : 'UNKNOWN_JOB', message)
  }
  return { job, answer: await post(url, `/jobs/${job}/${action}`, body) }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
