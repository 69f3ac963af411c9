/*
 * UTF-8 to strings and back. Lone surrogates become U+FFFD, as TextEncoder has it, so that a string has one byte form
 * and a byte form has one string.
 */

// Every JavaScript host has these two, but the ES library types do not name them.
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array
  encodeInto(text: string, target: Uint8Array): { read: number; written: number }
}
declare const TextDecoder: new (
  label?: string,
  options?: { fatal?: boolean; ignoreBOM?: boolean },
) => { decode(bytes: Uint8Array): string }

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
/** Up to this many bytes a loop over character codes beats the call into the decoder. */
const SHORT_BYTES = 24

const LONE_SURROGATE = /\p{Surrogate}/u
const LONE_SURROGATES = /\p{Surrogate}/gu

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Writes `text` at `offset`, which must leave 3 bytes for each UTF-16 unit, and returns the number of bytes. */
export function encodeUtf8Into(text: string, target: Uint8Array, offset: number): number {
  const length = text.length
  if (length <= 64) {
    let index = 0
    for (; index < length; index++) {
      const unit = text.charCodeAt(index)
      if (unit >= 0x80) break
      target[offset + index] = unit
    }
    if (index === length) return length
  }
  return encoder.encodeInto(text, target.subarray(offset, offset + length * 3)).written
}

/** The string in bytes [from, to); what is not UTF-8 becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array, from = 0, to = bytes.length): string {
  if (to - from <= SHORT_BYTES) {
    let text = ''
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0
      if (byte >= 0x80) return decoder.decode(bytes.subarray(from, to))
      text += String.fromCharCode(byte)
    }
    return text
  }
  return decoder.decode(bytes.subarray(from, to))
}

/** `text` with each lone surrogate replaced by U+FFFD. */
export function wellFormed(text: string): string {
  return LONE_SURROGATE.test(text) ? text.replace(LONE_SURROGATES, '\uFFFD') : text
}
