/*
 * An instance of the kernel module: its functions, its memory, its errors. Nothing outside this folder sees a pointer.
 */
import {
  ABI_VERSION,
  DEFAULT_MEMORY_LIMIT,
  RESULT_DETAIL,
  RESULT_NUMBER,
  RESULT_ROW,
  RESULT_STATUS,
} from '../../assembly/abi.js'
import { SabotError } from '../core/errors.js'
import type { KernelExports } from './exports.js'
import { Region, Views } from './memory.js'
import { statusError } from './status.js'

export { ABI_VERSION }

export interface KernelOptions {
  /** Ceiling of the instance's memory in bytes; 2 GiB by default, at most 65,535 pages of 64 KiB. */
  readonly memoryLimitBytes?: number
}

/** Law: whatever a call fails with, the state of the kernel is as the call's contract says, and it can go on. */
export class Kernel {
  readonly exports: KernelExports
  readonly memoryLimitBytes: number
  /** For bytes that a call reads and then forgets; shared by all who use this instance. */
  readonly staging: Region
  private readonly views: Views
  private readonly result: number

  constructor(exports: KernelExports, memoryLimitBytes: number) {
    this.exports = exports
    this.memoryLimitBytes = memoryLimitBytes
    this.views = new Views(exports.memory)
    this.result = exports.resultPtr()
    this.staging = new Region(this)
    exports.setMemoryLimit(memoryLimitBytes)
  }

  /** Counts the times that memory grew, and so detached all views. */
  get epoch(): number {
    this.views.renew()
    return this.views.epoch
  }

  /** All of memory as bytes; taken anew after any call that may allocate. The others are its typed forms. */
  get u8(): Uint8Array<ArrayBuffer> {
    return this.views.renew().u8
  }

  get i32(): Int32Array<ArrayBuffer> {
    return this.views.renew().i32
  }

  get u32(): Uint32Array<ArrayBuffer> {
    return this.views.renew().u32
  }

  get f64(): Float64Array<ArrayBuffer> {
    return this.views.renew().f64
  }

  get i64(): BigInt64Array<ArrayBuffer> {
    return this.views.renew().i64
  }

  /** The buffer of memory now, for a view of one's own. */
  get buffer(): ArrayBuffer {
    return this.exports.memory.buffer
  }

  /** Bytes in regions that are handed out. */
  get bytesInUse(): number {
    return this.exports.memoryInUse()
  }

  /** A region of `bytes` bytes. @throws SabotError MEMORY_LIMIT */
  allocate(bytes: number): number {
    return this.handle(this.exports.allocate(bytes), 'allocating a region')
  }

  release(pointer: number): void {
    this.exports.release(pointer)
  }

  /** The u32 at `offset` of the result area. */
  resultWord(offset: number): number {
    return this.u32[(this.result + offset) >> 2] ?? 0
  }

  get resultNumber(): number {
    return this.f64[(this.result + RESULT_NUMBER) >> 3] ?? 0
  }

  /** The 64 bits at `offset` of the result area. */
  resultBits(offset: number): bigint {
    return BigInt.asUintN(64, this.i64[(this.result + offset) >> 3] ?? 0n)
  }

  /** `outcome` of a call that returns a count, or throws the error of its status. */
  check(outcome: number, doing: string): number {
    if (outcome < 0) throw this.error(outcome, doing)
    return outcome
  }

  /** The pointer that a call returned, or throws the error of the status in the result area. */
  handle(pointer: number, doing: string): number {
    if (pointer === 0) throw this.error(this.i32[(this.result + RESULT_STATUS) >> 2] ?? 0, doing)
    return pointer >>> 0
  }

  error(status: number, doing: string): SabotError {
    const row = this.resultWord(RESULT_ROW)
    const detail = this.resultWord(RESULT_DETAIL)
    return statusError(status, doing, { row, detail, memoryLimitBytes: this.memoryLimitBytes })
  }
}

/**
 * A fresh instance. A module (or its bytes) without imports, of this ABI version.
 * @throws SabotError KERNEL_ABI when it is another module or version; TypeError when the limit is not a number of bytes
 */
export function instantiateKernel(
  module: WebAssembly.Module | Uint8Array<ArrayBuffer>,
  { memoryLimitBytes = DEFAULT_MEMORY_LIMIT }: KernelOptions = {},
): Kernel {
  if (!Number.isSafeInteger(memoryLimitBytes) || memoryLimitBytes <= 0) {
    throw new TypeError(`memoryLimitBytes must be a positive whole number of bytes, not ${memoryLimitBytes}`)
  }
  const compiled = module instanceof WebAssembly.Module ? module : new WebAssembly.Module(module)
  const instance = new WebAssembly.Instance(compiled, {})
  const exports = instance.exports as Partial<KernelExports>
  const version = exports.abiVersion?.()
  if (!isKernel(exports) || version !== ABI_VERSION) {
    throw new SabotError('KERNEL_ABI', `Not a Sabot kernel of ABI version ${ABI_VERSION}: it says ${version}`, {
      expected: ABI_VERSION,
      version,
    })
  }
  return new Kernel(exports, memoryLimitBytes)
}

function isKernel(exports: Partial<KernelExports>): exports is KernelExports {
  return exports.memory instanceof WebAssembly.Memory && typeof exports.allocate === 'function'
}
