import type { JobGraph } from '../../graph/job-graph.js'
import type { ByteOutput } from '../../operators/sink.js'
import type { Environment } from '../../runtime/environment.js'
import type { Port } from '../../runtime/remote/port.js'
import type { WorkerThread, WorkerThreads } from '../../runtime/remote/remote-executor.js'
import { serveWorker } from '../../runtime/remote/worker-host.js'
import { SimulatedProcess, type SimulatedWorld } from './simulated-world.js'

const MESSAGE_MS = 3
const SLOW_MESSAGE_MS = 400

export type MessageFate = 'in time' | 'late' | 'lost' | 'twice'

/** One direction of a channel: messages take their time and keep their order. */
class Line {
  private handler: ((message: unknown) => void) | undefined
  private owner: SimulatedProcess | undefined
  private readonly underWay: unknown[] = []
  private busyUntilMs = 0
  private readonly world: SimulatedWorld

  constructor(world: SimulatedWorld) {
    this.world = world
  }

  connect(owner: SimulatedProcess, handler: (message: unknown) => void): void {
    this.owner = owner
    this.handler = handler
    for (const _ of this.underWay) this.arriveLater(owner)
  }

  deliver(message: unknown, fate: MessageFate): void {
    if (fate === 'lost') return
    for (let times = fate === 'twice' ? 2 : 1; times > 0; times--) {
      this.underWay.push(message)
      if (this.owner !== undefined) this.arriveLater(this.owner, fate === 'late' ? SLOW_MESSAGE_MS : MESSAGE_MS)
    }
  }

  /** Whichever arrival comes first brings the oldest message. */
  private arriveLater(owner: SimulatedProcess, mostMs = MESSAGE_MS): void {
    const { world } = this
    this.busyUntilMs = Math.max(this.busyUntilMs, world.now + world.random() * mostMs)
    world.later(owner, this.busyUntilMs - world.now, () => this.handler?.(this.underWay.shift()))
  }
}

/** The end of a channel before its owner is known. */
class SimulatedEnd {
  readonly inward: Line
  readonly outward: Line

  constructor(inward: Line, outward: Line) {
    this.inward = inward
    this.outward = outward
  }

  port(owner: SimulatedProcess, fateOf: SimulatedThreadsContext['fate']): Port {
    return {
      post: message => {
        if (owner.isAlive) this.outward.deliver(message, fateOf(owner, message))
      },
      onMessage: handler => this.inward.connect(owner, handler),
      close: () => undefined,
    }
  }
}

function ends(world: SimulatedWorld): readonly [SimulatedEnd, SimulatedEnd] {
  const there = new Line(world)
  const back = new Line(world)
  return [new SimulatedEnd(back, there), new SimulatedEnd(there, back)]
}

export interface SimulatedThreadsContext {
  readonly world: SimulatedWorld
  readonly master: SimulatedProcess
  /** Builds the graph as a worker's import of the module does. */
  plan(worker: SimulatedProcess): JobGraph
  environment(worker: SimulatedProcess, standardOutput: ByteOutput): Environment
  /** What becomes of a message. */
  fate(from: SimulatedProcess, message: unknown): MessageFate
}

/** Worker threads of a simulated machine: they run the engine's own worker over its own protocol. */
export class SimulatedThreads implements WorkerThreads {
  /** Those that live. */
  readonly workers: { readonly actor: SimulatedProcess; readonly die: (cause: unknown) => void }[] = []
  private started = 0
  private readonly context: SimulatedThreadsContext

  constructor(context: SimulatedThreadsContext) {
    this.context = context
  }

  start(): WorkerThread {
    const { world, master, plan, environment, fate } = this.context
    const actor = new SimulatedProcess(`${master.name} worker ${this.started++}`, world)
    const [own, other] = ends(world)
    const port = other.port(actor, fate)
    serveWorker(port, {
      plan: async () => plan(actor),
      environment: standardOutput => environment(actor, standardOutput),
      openPort: end => (end as SimulatedEnd).port(actor, fate),
    })
    let onDeath: (cause: unknown) => void = () => undefined
    const worker = {
      actor,
      die: (cause: unknown) => {
        this.remove(actor)
        world.soon(master, () => onDeath(cause))
      },
    }
    this.workers.push(worker)
    return {
      port: own.port(master, fate),
      onDeath: handler => {
        onDeath = handler
      },
      terminate: async () => this.remove(actor),
    }
  }

  channel(): readonly [unknown, unknown] {
    return ends(this.context.world)
  }

  /** The machine stops. */
  endAll(): void {
    for (const { actor } of [...this.workers]) this.remove(actor)
  }

  private remove(actor: SimulatedProcess): void {
    actor.end()
    const at = this.workers.findIndex(worker => worker.actor === actor)
    if (at >= 0) this.workers.splice(at, 1)
  }
}
