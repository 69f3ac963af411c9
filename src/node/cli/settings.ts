/* Options that several commands share. */
import { InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../core/duration.js'
import { MAX_KEY_GROUPS } from '../../core/key-groups.js'

export type Parameters = Readonly<Record<string, string>>

/** `--set key=value`, as often as wanted; the last value of a key counts. */
export function setOption(): Option {
  return new Option('--set <key=value>', 'give a parameter of the job another value; may be repeated').argParser(
    (text: string, before: Parameters = {}): Parameters => {
      const at = text.indexOf('=')
      if (at <= 0) throw new InvalidArgumentError('Write it as --set key=value, such as --set bound=2h.')
      return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
    },
  )
}

export function durationOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string): number => {
    try {
      return parseDuration(text)
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : '')
    }
  })
}

export function verboseOption(): Option {
  return new Option('--verbose', 'show where in the program an error happened')
}

/** `--http 9464`, `--http 0.0.0.0:9464`, `--http [::]:9464`. */
export function httpOption(): Option {
  return new Option(
    '--http <[host:]port>',
    'serve /metrics, /jobs and /health while it runs; on 127.0.0.1 unless a host is given',
  ).argParser((text: string): HttpAddress => {
    const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text)
    const port = Number(match?.[3])
    if (match === null || port > 65_535) throw new InvalidArgumentError('Write it as 9464 or 127.0.0.1:9464.')
    const host = match[1] ?? match[2]
    return host === undefined ? { port } : { host, port }
  })
}

export interface HttpAddress {
  readonly host?: string
  readonly port: number
}

export function parallelismOption(): Option {
  return new Option('--parallelism <n>', 'parallel subtasks of keyed operators').argParser((text: string): number => {
    if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1.')
    return Number(text)
  })
}

export function maxParallelismOption(): Option {
  const description = 'key groups of the job, fixed once it has checkpoints (default: what the job says, or 128)'
  return new Option('--max-parallelism <n>', description).argParser((text: string): number => {
    const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
    if (number < 1 || number > MAX_KEY_GROUPS) {
      throw new InvalidArgumentError(`It is a whole number from 1 to ${MAX_KEY_GROUPS}.`)
    }
    return number
  })
}

export function restartsOption(): Option {
  return new Option('--restarts <n>', 'run again after a failure, up to n times, after 1s, 2s, 4s, ...').argParser(
    (text: string): number => {
      if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 0.')
      return Number(text)
    },
  )
}
