import type { Kernel } from '../../kernel/module.js'

/** Instances that wait; a run has at most a few workers. */
const MOST_FREE = 16

/**
 * Kernel instances that runs hand on to one another: a fresh one costs as much as a hundred steps. One is handed on only
 * when all that was allocated in it is released, so that nothing of an earlier run is in it; those of processes that
 * died in the middle of work are thrown away.
 */
export class KernelPool {
  private readonly free: Kernel[] = []
  /** Bytes in use of a fresh instance. */
  private freshBytes = 0
  private shared: Kernel | undefined
  private readonly create: () => Kernel

  constructor(create: () => Kernel) {
    this.create = create
  }

  /** For hashing alone, which leaves nothing behind. */
  get forHashing(): Kernel {
    this.shared ??= this.create()
    return this.shared
  }

  take(): Kernel {
    const waiting = this.free.pop()
    if (waiting !== undefined) return waiting
    const kernel = this.create()
    this.freshBytes = kernel.bytesInUse
    return kernel
  }

  giveBack(kernel: Kernel): void {
    kernel.staging.release()
    if (kernel.bytesInUse === this.freshBytes && this.free.length < MOST_FREE) this.free.push(kernel)
  }
}

const pools = new WeakMap<() => Kernel, KernelPool>()

/** The pool of all runs that make their kernels alike. */
export function poolOf(create: () => Kernel): KernelPool {
  const pool = pools.get(create) ?? new KernelPool(create)
  pools.set(create, pool)
  return pool
}
