import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { nearestName } from '../core/nearest.js'
import type { Source } from '../operators/source.js'
import { GraphBuilder } from './graph-builder.js'
import { DEFAULT_PARALLELISM, type JobGraph, type JobParallelism, type JobParameter } from './job-graph.js'
import { checkMaxParallelism, checkParallelism } from './parallelism.js'
import { SourceStream } from './source-stream.js'

/** A pipeline: a name, and a function that builds it anew wherever it runs. */
export interface Job {
  /** Tells a job from other values, across copies of this package. */
  readonly kind: 'sabot-job'
  readonly name: string
  /**
   * Builds and checks the graph. `parameters` are values for what the job asks for with `j.parameter`.
   * @throws SabotError UNKNOWN_PARAMETER, EMPTY_JOB, and the errors of the builder's methods.
   */
  plan(parameters?: Readonly<Record<string, string>>): JobGraph
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/**
 * Defines a job. `build` is called once for each run and each worker, so it describes and does nothing else.
 * @throws SabotError INVALID_NAME
 */
export function job(name: string, build: (j: JobBuilder) => void): Job {
  checkName('job', name)
  return {
    kind: 'sabot-job',
    name,
    plan(parameters = {}) {
      const builder = new JobBuilder(name, parameters)
      build(builder)
      return builder.finish()
    },
  }
}

export interface SourceOptions {
  /** The stable id under which the source's position is kept. Default: 'source-1', 'source-2', ... */
  readonly id?: string
  /**
   * The source, and each of its splits on its own, counts as idle for the watermark when it gave nothing for so long,
   * in processing time: the others go on without it. When all are idle, the watermark goes on to the highest that any
   * had reached. Default 1 minute; 0: never.
   */
  readonly idleness?: Duration
  /**
   * Fields that no operator and no sink reads are not decoded, where the source can leave them out; a value in them that
   * does not fit then makes no record a bad one. false: all are decoded and checked. Default true.
   */
  readonly projection?: boolean
}

const DEFAULT_IDLENESS_MS = 60_000

/** What a job's function builds with. */
export class JobBuilder {
  private readonly graph: GraphBuilder
  private readonly known: JobParameter[] = []
  private parallel: JobParallelism = DEFAULT_PARALLELISM

  private readonly name: string
  private readonly given: Readonly<Record<string, string>>

  constructor(name: string, given: Readonly<Record<string, string>>) {
    this.name = name
    this.given = given
    this.graph = new GraphBuilder(name)
  }

  /** A stream of the records of a source. */
  from<Row>(source: Source<Row>, options: SourceOptions = {}): SourceStream<Row> {
    const { id, idleness = DEFAULT_IDLENESS_MS, projection = true } = options
    const node = this.graph.add({
      kind: 'source',
      id,
      description: `${source.kind} ${source.description}`.trimEnd(),
      inputs: [],
      role: { kind: 'source', source, idleAfterMs: parseDuration(idleness), readsAll: !projection },
      settings: { source: source.kind },
      schema: source.schema,
    })
    const traits = { isTimed: false, fields: source.schema?.names, schema: source.schema }
    return new SourceStream<Row>(this.graph, node, traits, source.hasDeadLetters === true)
  }

  /**
   * The number of parallel subtasks of keyed operators, and of sources that can be split, where nobody says otherwise:
   * an operator (`stream.parallelism`), or whoever runs the job. Default 1.
   * @throws SabotError INVALID_PARALLELISM
   */
  parallelism(parallelism: number): void {
    checkParallelism('A job', parallelism)
    this.parallel = { ...this.parallel, parallelism }
  }

  /**
   * The number of key groups that keyed state is kept in, and so the most subtasks that a keyed operator can ever have:
   * 1 to 32,768. Default 128. It cannot change any more once there are checkpoints.
   * @throws SabotError INVALID_PARALLELISM
   */
  maxParallelism(maxParallelism: number): void {
    checkMaxParallelism(maxParallelism)
    this.parallel = { ...this.parallel, maxParallelism }
  }

  /**
   * A value that a run may set from outside (`sabot run --set name=value`).
   * @throws SabotError INVALID_OPTION for one that is no text, DUPLICATE_PARAMETER
   */
  parameter(name: string, defaultValue: string): string {
    checkName('parameter', name)
    const earlier = this.known.find(parameter => parameter.name === name)
    if (earlier !== undefined && earlier.defaultValue !== defaultValue) {
      throw new SabotError(
        'DUPLICATE_PARAMETER',
        `Job ${this.name} asks for parameter ${name} twice, with defaults ${describeValue(earlier.defaultValue)} and ` +
          `${describeValue(defaultValue)}`,
        { parameter: name },
      )
    }
    const value = Object.hasOwn(this.given, name) ? (this.given[name] ?? defaultValue) : defaultValue
    if (typeof value !== 'string') {
      throw new SabotError(
        'INVALID_OPTION',
        `Parameter ${name} of job ${this.name} is a text, not ${describeValue(value)}: parameters go to workers and into ` +
          "checkpoints. Put functions and objects into the job's module",
        { parameter: name, value },
      )
    }
    if (earlier === undefined) this.known.push({ name, defaultValue, value })
    return value
  }

  /**
   * A parameter that is a duration, in ms.
   * @throws SabotError INVALID_DURATION, naming the parameter
   */
  duration(name: string, defaultValue: Duration): number {
    const text = this.parameter(name, typeof defaultValue === 'number' ? formatDuration(defaultValue) : defaultValue)
    try {
      return parseDuration(text)
    } catch (cause) {
      if (!(cause instanceof SabotError)) throw cause
      throw new SabotError(
        cause.code,
        `Parameter ${name}: ${cause.message}`,
        { ...cause.details, parameter: name },
        { cause },
      )
    }
  }

  finish(): JobGraph {
    const names = this.known.map(parameter => parameter.name)
    for (const name of Object.keys(this.given)) {
      if (names.includes(name)) continue
      const nearest = nearestName(name, names)
      throw new SabotError(
        'UNKNOWN_PARAMETER',
        `Job ${this.name} has no parameter ${describeValue(name)}.` +
          `${nearest === undefined ? '' : ` Did you mean ${nearest}?`} ` +
          `${names.length === 0 ? 'It has none.' : `It has ${names.join(', ')}.`}`,
        { parameter: name, known: names },
      )
    }
    return this.graph.finish(this.known, this.parallel)
  }
}

function checkName(what: string, name: string): void {
  if (typeof name === 'string' && NAME.test(name)) return
  throw new SabotError(
    'INVALID_NAME',
    `A ${what}'s name is 1 to 64 letters, digits, hyphens and underscores, not ${describeValue(name)}`,
    { name },
  )
}
