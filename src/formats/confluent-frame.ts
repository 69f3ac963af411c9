/*
 * The frames that Confluent's serialisers put before a message: a magic byte, which schema it is, and for protobuf which
 * message type of the schema.
 *
 *   magic 0   00 · id of the schema, 4 bytes, big-endian          · payload
 *   magic 1   01 · GUID of the schema, 16 bytes                   · payload
 *   protobuf  behind either: count and indexes of nested message types, zig-zag varints; 0 stands for [0]
 */
import { SabotError } from '../core/errors.js'

export interface ConfluentFrame {
  /** Of magic 0. */
  readonly schemaId: number | undefined
  /** Of magic 1, as 8-4-4-4-12 hexadecimal digits. */
  readonly schemaGuid: string | undefined
  /** Of protobuf: from the outermost message type inwards. */
  readonly messageIndexes: readonly number[] | undefined
  readonly payload: Uint8Array
}

/** Nobody nests message types deeper; and a count that is really something else does not get far. */
const MAX_INDEXES = 1000

/** @throws SabotError FRAME_INVALID for an unknown magic byte, a frame that is cut off, malformed indexes */
export function readConfluentFrame(bytes: Uint8Array, isProtobuf = false): ConfluentFrame {
  const magic = bytes[0]
  const schemaBytes = magic === 0 ? 4 : magic === 1 ? 16 : undefined
  if (schemaBytes === undefined) throw invalid(magic === undefined ? 'the message is empty' : 'unknown magic byte')
  if (bytes.length < 1 + schemaBytes) throw invalid('the message ends within its schema id')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const rest = bytes.subarray(1 + schemaBytes)
  const indexes = isProtobuf ? readMessageIndexes(rest) : undefined
  return {
    schemaId: magic === 0 ? view.getUint32(1) : undefined,
    schemaGuid: magic === 1 ? guidText(bytes.subarray(1, 17)) : undefined,
    messageIndexes: indexes?.messageIndexes,
    payload: rest.subarray(indexes?.bytesRead ?? 0),
  }
}

export function writeConfluentFrame(frame: ConfluentFrame): Uint8Array {
  const { schemaId, schemaGuid, messageIndexes, payload } = frame
  const head: number[] = []
  if (schemaGuid !== undefined) {
    head.push(1, ...(schemaGuid.replace(/-/g, '').match(/../g) ?? []).map(pair => Number.parseInt(pair, 16)))
  } else {
    const id = schemaId ?? 0
    head.push(0, (id >>> 24) & 0xff, (id >>> 16) & 0xff, (id >>> 8) & 0xff, id & 0xff)
  }
  if (messageIndexes !== undefined) {
    const isFirst = messageIndexes.length === 1 && messageIndexes[0] === 0
    for (const value of isFirst ? [0] : [messageIndexes.length, ...messageIndexes]) head.push(...zigZag(value))
  }
  const bytes = new Uint8Array(head.length + payload.length)
  bytes.set(head)
  bytes.set(payload, head.length)
  return bytes
}

/** @throws SabotError FRAME_INVALID */
export function readMessageIndexes(bytes: Uint8Array): { messageIndexes: number[]; bytesRead: number } {
  let at = 0
  const next = (): number => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    throw malformed()
  }
  const count = next()
  if (count === 0) return { messageIndexes: [0], bytesRead: at }
  if (count < 0 || count > MAX_INDEXES) throw malformed()
  const messageIndexes: number[] = []
  while (messageIndexes.length < count) {
    const index = next()
    if (index < 0) throw malformed()
    messageIndexes.push(index)
  }
  return { messageIndexes, bytesRead: at }
}

function zigZag(value: number): number[] {
  const bytes: number[] = []
  let rest = value * 2
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return [...bytes, rest]
}

function guidText(bytes: Uint8Array): string {
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function malformed(): SabotError {
  return invalid('message indexes are absent or malformed')
}

function invalid(reason: string): SabotError {
  return new SabotError('FRAME_INVALID', `The bytes are no message of Confluent's wire format: ${reason}`, { reason })
}
