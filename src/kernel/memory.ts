/* Views over an instance's memory, and regions in it. */
import type { Kernel } from './module.js'

/** Typed views over all of a memory. Growth detaches them; renew() makes them anew then, and only then. */
export class Views {
  epoch = 0
  u8!: Uint8Array<ArrayBuffer>
  i32!: Int32Array<ArrayBuffer>
  u32!: Uint32Array<ArrayBuffer>
  f64!: Float64Array<ArrayBuffer>
  i64!: BigInt64Array<ArrayBuffer>
  private readonly memory: WebAssembly.Memory

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory
    this.take()
  }

  /** Itself, with views that are attached. */
  renew(): this {
    // A detached view has no length; memory always has.
    if (this.u8.length === 0) {
      this.epoch++
      this.take()
    }
    return this
  }

  private take(): void {
    const { buffer } = this.memory
    this.u8 = new Uint8Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.i64 = new BigInt64Array(buffer)
  }
}

/** A typed array whose bytes can be copied. */
export type Bytes = ArrayBufferView

/** A grow-only region: room that is reserved again and again without allocating once it is large enough. */
export class Region {
  private readonly kernel: Kernel
  private start = 0
  private capacity = 0

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  get pointer(): number {
    return this.start
  }

  /** Room for `bytes` bytes, contents undefined. Pointers from before are void. @throws SabotError MEMORY_LIMIT */
  reserve(bytes: number): number {
    if (bytes > this.capacity || this.start === 0) {
      this.release()
      const wanted = Math.max(1024, bytes + (bytes >>> 2))
      this.start = this.kernel.allocate(wanted)
      this.capacity = wanted
    }
    return this.start
  }

  /** Copies an array's bytes in. */
  write(array: Bytes): number {
    const { kernel } = this
    const pointer = this.reserve(array.byteLength)
    // Making a view of the bytes costs as much as copying some kilobytes of them.
    if (array instanceof Float64Array) kernel.f64.set(array, pointer >>> 3)
    else if (array instanceof Int32Array) kernel.i32.set(array, pointer >>> 2)
    else if (array instanceof BigInt64Array) kernel.i64.set(array, pointer >>> 3)
    else kernel.u8.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), pointer)
    return pointer
  }

  release(): void {
    if (this.start !== 0) this.kernel.release(this.start)
    this.start = 0
    this.capacity = 0
  }
}
