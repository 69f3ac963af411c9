import { SabotError } from '../../core/errors.js'
import type { Clock } from '../../runtime/environment.js'
import { randomBelow, type SeededRandom, seededRandom } from '../seeded-random.js'
import type { TraceEvent } from './trace.js'

interface Runnable {
  readonly owner: SimulatedProcess
  readonly run: () => void
}

interface Timer extends Runnable {
  readonly atMs: number
  readonly order: number
}

/** A looking at the clock takes up to so long: it is what makes work take time, and tasks give way. */
const MOST_MS_A_LOOK = 2
/** Promises that are fulfilled one by the other before something else may happen. */
const MICROTASKS = 40
/** Time that passes at once only when everybody waits, ms. */
const LEAP_MS = 500
/** As many before it is taken for certain that nothing happens any more. */
const MICROTASKS_AT_REST = 5_000

/**
 * Virtual time, and a scheduler that picks by a seed which of those that are ready goes on. Everything that waits does
 * so here: turns of the event loop, timers, messages, disks. The same seed gives the same order.
 */
export class SimulatedWorld {
  readonly random: SeededRandom
  readonly events: TraceEvent[] = []
  private nowMs = 0
  private steps = 0
  private orders = 0
  /** Turns and timers that were ever asked for. */
  private wishes = 0
  private ready: Runnable[] = []
  private timers: Timer[] = []
  private readonly maxSteps: number
  private readonly beforeStep: () => void

  /** `beforeStep` is called between any two steps: faults come from there. */
  constructor(seed: number, maxSteps: number, beforeStep: () => void) {
    this.random = seededRandom(seed)
    this.maxSteps = maxSteps
    this.beforeStep = beforeStep
  }

  get now(): number {
    return this.nowMs
  }

  /** Time passes for whoever looks at the clock. */
  look(): number {
    this.nowMs += this.random() * MOST_MS_A_LOOK
    return this.nowMs
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  tell(kind: TraceEvent['kind'], text: string): void {
    // A tenth of a millisecond is as much as anybody reads.
    this.events.push({ step: this.steps, timeMs: Math.round(this.nowMs * 10) / 10, kind, text })
  }

  soon(owner: SimulatedProcess, run: () => void): void {
    this.wishes++
    this.ready.push({ owner, run })
  }

  later(owner: SimulatedProcess, delayMs: number, run: () => void): () => void {
    const timer = { owner, run, atMs: this.nowMs + Math.max(0, delayMs), order: this.orders++ }
    this.timers.push(timer)
    this.wishes++
    return () => {
      this.timers = this.timers.filter(other => other !== timer)
    }
  }

  /** What a process waits for never comes. */
  forget(owner: SimulatedProcess): void {
    this.ready = this.ready.filter(runnable => runnable.owner !== owner)
    this.timers = this.timers.filter(timer => timer.owner !== owner)
  }

  /**
   * Lets time pass until the promise is settled.
   * @throws SabotError SIMULATION_STALLED when nothing can happen any more, or too much has
   */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settled = (): void => {
      isSettled = true
    }
    promise.then(settled, settled)
    for (;;) {
      await rest(MICROTASKS, () => isSettled)
      // Nobody is still at work when time makes a leap: a watchdog would bark at somebody who only opens.
      if (!isSettled && this.isBeforeLeap()) {
        const { wishes } = this
        await rest(MICROTASKS_AT_REST, () => isSettled || this.wishes !== wishes)
        if (!isSettled && this.wishes !== wishes) continue
      }
      if (isSettled) return promise
      this.beforeStep()
      if (this.step()) continue
      await rest(MICROTASKS_AT_REST, () => isSettled || this.ready.length + this.timers.length > 0)
      if (isSettled || this.ready.length + this.timers.length > 0) continue
      throw stalled('nothing is left that could happen, and the job has not ended')
    }
  }

  private isBeforeLeap(): boolean {
    const { nowMs } = this
    const isNear = ({ owner, atMs = nowMs }: Runnable & { readonly atMs?: number }): boolean => {
      return owner.isAlive && !owner.isFrozen && atMs <= nowMs + LEAP_MS
    }
    return !this.ready.some(isNear) && !this.timers.some(isNear)
  }

  /** False when there is nothing to do. */
  private step(): boolean {
    if (this.steps++ > this.maxSteps) throw stalled(`it has taken more than ${this.maxSteps} steps`)
    const runs = ({ owner }: Runnable): boolean => owner.isAlive && !owner.isFrozen
    const due = this.timers.filter(timer => runs(timer) && timer.atMs <= this.nowMs)
    const able: Runnable[] = [...this.ready.filter(runs), ...due]
    const chosen = able[randomBelow(this.random, able.length)] ?? this.earliest(runs)
    if (chosen === undefined) return false
    this.ready = this.ready.filter(other => other !== chosen)
    this.timers = this.timers.filter(other => other !== chosen)
    chosen.run()
    return true
  }

  /** The timer that is due next; time goes there. */
  private earliest(runs: (timer: Timer) => boolean): Timer | undefined {
    const [next] = this.timers.filter(runs).sort((a, b) => a.atMs - b.atMs || a.order - b.order)
    if (next !== undefined) this.nowMs = Math.max(this.nowMs, next.atMs)
    return next
  }
}

/** Something that can die, or hang, and all of whose waiting ends with it: the master, a worker. */
export class SimulatedProcess {
  readonly name: string
  readonly clock: Clock
  isAlive = true
  isFrozen = false
  private readonly world: SimulatedWorld
  private readonly ends: (() => void)[] = []

  constructor(name: string, world: SimulatedWorld) {
    this.name = name
    this.world = world
    this.clock = {
      now: () => world.now,
      elapsed: () => world.look(),
      nextTurn: () => new Promise(resolve => world.soon(this, resolve)),
      schedule: (delayMs, run) => world.later(this, delayMs, run),
    }
  }

  /** What is released when it is gone, such as its open files. */
  onEnd(release: () => void): void {
    this.ends.push(release)
  }

  /** Fulfilled after a while of at most `mostMs`; never, when the process dies before. */
  wait(mostMs: number): Promise<void> {
    return new Promise(resolve => this.world.later(this, this.world.random() * mostMs, resolve))
  }

  end(): void {
    if (!this.isAlive) return
    this.isAlive = false
    this.world.forget(this)
    for (const release of this.ends.splice(0)) release()
  }
}

async function rest(most: number, isOver: () => boolean): Promise<void> {
  for (let turn = 0; turn < most && !isOver(); turn++) await Promise.resolve()
}

function stalled(reason: string): SabotError {
  return new SabotError('SIMULATION_STALLED', `The simulation has come to a halt: ${reason}`, { reason })
}
