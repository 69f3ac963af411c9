/*
 * Zstandard frames (RFC 8878), decoded by the reference decoder in WebAssembly, as zstddec (MIT, BSD) packs it. That
 * package does not look at what the decoder says of damaged data and would go on for ever: only its module is used, and
 * every answer is looked at here.
 */
import { ZSTDDecoder } from 'zstddec/stream'

/** Of zstd.h: the streaming functions. Sizes above MAX_SIZE are errors. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  malloc(bytes: number): number
  free(at: number): void
  ZSTD_createDCtx(): number
  ZSTD_freeDCtx(context: number): number
  ZSTD_decompressStream(context: number, output: number, input: number): number
}

const MAX_SIZE = 0xffff_ff00
const PIECE_BYTES = 131_072
/** ZSTD_inBuffer and ZSTD_outBuffer: where, how many bytes, how far. */
const BUFFER_BYTES = 12

class Loader extends ZSTDDecoder {
  exports: object | undefined

  // The package calls it without `this`.
  override _init = (result: { instance: { exports: object } } & Parameters<ZSTDDecoder['_init']>[0]): void => {
    super._init(result)
    this.exports = result.instance.exports
  }
}

let loading: Promise<Zstd> | undefined

/** The decoder, once it is compiled: one for all that this module's importers decode. */
export function loadZstd(): Promise<Zstd> {
  loading ??= load()
  return loading
}

async function load(): Promise<Zstd> {
  const loader = new Loader()
  await loader.init()
  const { exports } = loader
  if (exports === undefined || !isComplete(exports)) {
    throw new TypeError('zstddec was initialised by somebody else first, and does not hand its module out twice')
  }
  return new Zstd(exports)
}

function isComplete(exports: object): exports is Exports {
  return 'memory' in exports && 'malloc' in exports && 'ZSTD_decompressStream' in exports
}

export class Zstd {
  private readonly wasm: Exports

  constructor(wasm: Exports) {
    this.wasm = wasm
  }

  /** A decoder of frames that come in pieces; it must be destroyed. */
  open(): ZstdStream {
    return new ZstdStream(this.wasm)
  }

  /**
   * What whole frames hold: `sizeBytes` bytes.
   * @throws RangeError where they are damaged, truncated, or hold more or fewer bytes
   */
  decompress(frames: Uint8Array, sizeBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(sizeBytes)
    const found = this.collect(frames, sizeBytes, (piece, at) => bytes.set(piece, at))
    if (found < sizeBytes) throw new RangeError(`it holds ${found} bytes and not ${sizeBytes}`)
    return bytes
  }

  /** As decompress, of a size that is not known. @throws RangeError where it is more than `mostBytes`, too */
  decompressUpTo(frames: Uint8Array, mostBytes: number): Uint8Array<ArrayBuffer> {
    const pieces: Uint8Array[] = []
    const bytes = new Uint8Array(this.collect(frames, mostBytes, piece => pieces.push(piece)))
    let at = 0
    for (const piece of pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  }

  private collect(frames: Uint8Array, most: number, take: (piece: Uint8Array, at: number) => void): number {
    const stream = this.open()
    try {
      let at = 0
      for (const piece of stream.push(frames)) {
        if (at + piece.length > most) throw new RangeError(`it holds more than ${most} bytes`)
        take(piece, at)
        at += piece.length
      }
      stream.end()
      return at
    } finally {
      stream.destroy()
    }
  }
}

export class ZstdStream {
  private readonly wasm: Exports
  private readonly context: number
  /** One region: ZSTD_inBuffer, ZSTD_outBuffer, a piece of input, a piece of output. */
  private readonly region: number
  private isInFrame = false
  private isDestroyed = false

  constructor(wasm: Exports) {
    this.wasm = wasm
    this.context = wasm.ZSTD_createDCtx()
    this.region = wasm.malloc(2 * BUFFER_BYTES + 2 * PIECE_BYTES)
    if (this.context !== 0 && this.region !== 0) return
    this.destroy()
    throw new RangeError('there is no memory for a zstd decoder')
  }

  /**
   * What the next bytes of the input give, up to 128 KiB at a time. It is to be read to its end before the next call.
   * @throws RangeError where the data is damaged
   */
  *push(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
    const input = this.region
    const output = input + BUFFER_BYTES
    const inputBytes = output + BUFFER_BYTES
    const outputBytes = inputBytes + PIECE_BYTES
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      const piece = bytes.subarray(from, from + PIECE_BYTES)
      new Uint8Array(this.wasm.memory.buffer).set(piece, inputBytes)
      for (let read = 0, written = 0; read < piece.length || written === PIECE_BYTES; ) {
        this.writeWords(input, inputBytes, piece.length, read, outputBytes, PIECE_BYTES, 0)
        const left = this.wasm.ZSTD_decompressStream(this.context, output, input) >>> 0
        if (left > MAX_SIZE) throw new RangeError(`the data is damaged (zstd error ${2 ** 32 - left})`)
        const before = read
        // Memory may have moved to a new buffer.
        const words = new DataView(this.wasm.memory.buffer)
        read = words.getUint32(input + 8, true)
        written = words.getUint32(output + 8, true)
        this.isInFrame = left !== 0
        if (written > 0) yield new Uint8Array(this.wasm.memory.buffer).slice(outputBytes, outputBytes + written)
        else if (read === before && read < piece.length)
          throw new RangeError('the data is damaged: nothing comes of it')
      }
    }
  }

  /** @throws RangeError where the input ended within a frame */
  end(): void {
    if (this.isInFrame) throw new RangeError('it ends in the middle of a frame')
  }

  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    if (this.context !== 0) this.wasm.ZSTD_freeDCtx(this.context)
    if (this.region !== 0) this.wasm.free(this.region)
  }

  private writeWords(at: number, ...words: readonly number[]): void {
    const view = new DataView(this.wasm.memory.buffer)
    for (const [index, word] of words.entries()) view.setUint32(at + index * 4, word, true)
  }
}
