import type { Kernel } from '../../../src/kernel/module.js'
import { TimerQueue } from '../../../src/kernel/timers.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { fields, integer, type Json, type JsonObject, list, NotUnderstood, text } from '../vector.js'

type Domain = 'event' | 'processing'

interface Timer {
  readonly key: number
  readonly namespace: string
  readonly ts: number
}

const DOMAINS: readonly Domain[] = ['event', 'processing']

function domainOf(value: Json | undefined): Domain {
  const name = text('domain', value)
  if (name !== 'event' && name !== 'processing') throw new NotUnderstood(`the domain ${name}`)
  return name
}

/** Flink's timer service: two queues, a namespace as the tag, and one wake-up of the host for the earliest timer. */
class TimerService {
  readonly fired: Record<Domain, Timer[]> = { event: [], processing: [] }
  /** After each operation: the times for which the host was asked to wake the service up. */
  readonly wakeUps: number[][] = []
  readonly remaining: Record<Domain, number>[] = []
  private queues: Record<Domain, TimerQueue>
  private readonly namespaces: string[] = []
  private readonly kernel: Kernel
  private onFire: readonly [Domain, Timer] | undefined
  private armed: number[] = []

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.queues = { event: new TimerQueue(kernel), processing: new TimerQueue(kernel) }
  }

  run(operation: Json): void {
    const { op, domain, key, namespace, ts } = fields('operation', operation, [
      'op',
      'domain',
      'key',
      'namespace',
      'ts',
    ])
    const timer = (): Timer => ({
      key: integer('key', key),
      namespace: text('namespace', namespace),
      ts: integer('ts', ts),
    })
    switch (op) {
      case 'register':
        this.register(domainOf(domain), timer())
        break
      case 'delete': {
        const own = timer()
        this.queues[domainOf(domain)].delete(own.ts, own.key, this.tagOf(own.namespace))
        break
      }
      case 'on-fire-register':
        this.onFire = [domainOf(domain), timer()]
        break
      case 'watermark':
        this.advance('event', integer('ts', ts))
        break
      case 'processing-time':
        this.armed = []
        this.advance('processing', integer('ts', ts))
        this.arm()
        break
      case 'snapshot-and-restore':
        this.restore()
        break
      default:
        throw new NotUnderstood(`operation ${JSON.stringify(operation)}`)
    }
    this.wakeUps.push([...this.armed])
    this.remaining.push({ event: this.queues.event.count, processing: this.queues.processing.count })
  }

  list(domain: Domain): Timer[] {
    const { times, slots, tags } = this.queues[domain].entries()
    return Array.from(times, (ts, index) => this.timerOf(ts, slots[index] ?? -1, tags[index] ?? -1))
  }

  close(): void {
    for (const domain of DOMAINS) this.queues[domain].destroy()
  }

  private register(domain: Domain, { key, namespace, ts }: Timer): void {
    this.queues[domain].register(ts, key, this.tagOf(namespace))
    if (domain === 'processing') this.arm()
  }

  private advance(domain: Domain, limit: number): void {
    const queue = this.queues[domain]
    while (queue.poll(limit)) {
      this.fired[domain].push(this.timerOf(queue.time, queue.slot, queue.tag))
      const next = this.onFire
      this.onFire = undefined
      if (next !== undefined) this.register(...next)
    }
  }

  /** One wake-up at a time, for the earliest timer: an earlier one takes the place of the one before. */
  private arm(): void {
    const { next } = this.queues.processing
    if (next !== Number.POSITIVE_INFINITY && next < (this.armed[0] ?? Number.POSITIVE_INFINITY)) this.armed = [next]
  }

  private restore(): void {
    for (const domain of DOMAINS) {
      const queue = new TimerQueue(this.kernel)
      queue.registerAll(this.queues[domain].entries())
      this.queues[domain].destroy()
      this.queues = { ...this.queues, [domain]: queue }
    }
  }

  private tagOf(namespace: string): number {
    const known = this.namespaces.indexOf(namespace)
    return known >= 0 ? known : this.namespaces.push(namespace) - 1
  }

  private timerOf(ts: number, key: number, tag: number): Timer {
    return { key, namespace: this.namespaces[tag] ?? '', ts }
  }
}

/** What the vector asks for of the service, in its terms. */
function answers(service: TimerService, expected: JsonObject): JsonObject {
  const answer: Record<string, Json> = {}
  const sorted = (timers: readonly Timer[]): Json => {
    const plain = timers.map(({ key, namespace, ts }) => ({ key, namespace, ts }))
    return expected.order === 'set' ? plain.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : plain
  }
  const domains = (member: Json | undefined, of: (domain: Domain) => Json): Json =>
    Object.fromEntries(Object.keys(member as JsonObject).map(name => [name, of(domainOf(name))]))
  for (const [member, value] of Object.entries(expected)) {
    if (member === 'order') answer.order = value
    else if (member === 'fired') answer.fired = domains(value, domain => sorted(service.fired[domain]))
    else if (member === 'listed') answer.listed = domains(value, domain => sorted(service.list(domain)))
    else if (member === 'remaining')
      answer.remaining = domains(value, domain => service.remaining.at(-1)?.[domain] ?? 0)
    else if (member === 'physicalTimersAfterInput') {
      answer[member] = pairs(value).map(([after]) => [after, service.wakeUps[after] ?? []])
    } else if (member === 'remainingAfterInput') {
      const all = ({ event, processing }: Record<Domain, number>): number => event + processing
      answer[member] = pairs(value).map(([after]) => [
        after,
        all(service.remaining[after] ?? { event: 0, processing: 0 }),
      ])
    } else {
      throw new NotUnderstood(`expected.${member}`)
    }
  }
  return answer
}

function pairs(value: Json): [number, Json][] {
  return list('pairs', value).map(pair => {
    const [after, what = null] = list('pair', pair)
    return [integer('input', after), what]
  })
}

/** The expected sets in the order in which ours are told. */
function inOrder(expected: JsonObject): JsonObject {
  if (expected.order !== 'set') return expected
  const sorted = (timers: Json): Json =>
    [...list('timers', timers)].sort((a, b) => (JSON.stringify(ordered(a)) < JSON.stringify(ordered(b)) ? -1 : 1))
  const all = (member: Json): Json =>
    Object.fromEntries(Object.entries(member as JsonObject).map(([domain, timers]) => [domain, sorted(timers)]))
  return Object.fromEntries(
    Object.entries(expected).map(([name, value]) => [name, name === 'fired' || name === 'listed' ? all(value) : value]),
  )
}

function ordered(timer: Json): Json {
  const { key = null, namespace = null, ts = null } = fields('timer', timer, ['key', 'namespace', 'ts'])
  return { key, namespace, ts }
}

export const timers: Registry = {
  'timer-service': ({ config, input, expected }) => {
    fields('config', config, [])
    return compareOnEachBuild(inOrder(expected), kernel => {
      const service = new TimerService(kernel)
      for (const operation of list('input', input)) service.run(operation)
      const answer = answers(service, expected)
      service.close()
      return answer
    })
  },
}
