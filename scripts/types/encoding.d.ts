// The Encoding Standard (https://encoding.spec.whatwg.org/), which browsers and Node both have: all that neutral code
// may use of the platform besides WebAssembly.
declare class TextEncoder {
  readonly encoding: 'utf-8'
  encode(input?: string): Uint8Array<ArrayBuffer>
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number }
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean })
  readonly encoding: string
  decode(input?: ArrayBufferLike | ArrayBufferView, options?: { stream?: boolean }): string
}
