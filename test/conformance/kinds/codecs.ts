/* Avro's binary encoding and fingerprints, and the frames of Confluent's wire format. */
import { SabotError } from '../../../src/core/errors.js'
import { AvroInput, AvroOutput, avroReader, writeAvro } from '../../../src/formats/avro-binary.js'
import { avroFingerprint, canonicalForm, parseAvroSchema } from '../../../src/formats/avro-schema.js'
import { readConfluentFrame, readMessageIndexes, writeConfluentFrame } from '../../../src/formats/confluent-frame.js'
import type { Registry } from '../registry.js'
import { bytesOf, compare, fields, type Json, type JsonObject, NotUnderstood, text } from '../vector.js'

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')

/** Integers beyond 2^53 are written as decimal texts. */
function valueIn(schema: Json | undefined, input: Json): unknown {
  const isLong = schema === 'long' || schema === 'int'
  return isLong && typeof input === 'string' && /^-?\d+$/.test(input) ? BigInt(input) : input
}

/** What a frame is, in the members that a vector expects. */
function frameOf(direction: string, hex: Uint8Array, expected: JsonObject): unknown {
  if (direction === 'message-indexes') return readMessageIndexes(hex)
  if (direction !== 'decode' && direction !== 'decode-protobuf') throw new NotUnderstood(`direction ${direction}`)
  const frame = readConfluentFrame(hex, direction === 'decode-protobuf')
  const got: Record<string, unknown> = {
    schemaId: frame.schemaId,
    schemaGuid: frame.schemaGuid,
    messageIndexes: frame.messageIndexes && [...frame.messageIndexes],
    payloadHex: hexOf(frame.payload),
    roundTrip: hexOf(writeConfluentFrame(frame)) === hexOf(hex),
  }
  const members = fields('expected', expected, Object.keys(got))
  return Object.fromEntries(Object.keys(members).map(name => [name, got[name]]))
}

export const codecs: Registry = {
  'avro-binary': ({ config, input, expected }) => {
    const { schema } = fields('config', config, ['schema'])
    const { hex } = fields('expected', expected, ['hex'])
    const type = parseAvroSchema(schema)
    const value = valueIn(schema, input)
    const output = new AvroOutput()
    writeAvro(type, value, output)
    const bytes = output.finish()
    const read = avroReader(type)(new AvroInput(bytesOf('hex', hex)))
    return compare(
      { hex, value: String(JSON.stringify(value, plain)) },
      { hex: hexOf(bytes), value: JSON.stringify(read, plain) },
    )
  },
  'avro-fingerprint': ({ config, input, expected }) => {
    fields('config', config, ['algorithm'])
    const { schema } = fields('input', input, ['schema'])
    const known = fields('expected', expected, ['canonical', 'fingerprintInt64'])
    const type = parseAvroSchema(schema)
    const fingerprintInt64 = BigInt.asIntN(64, avroFingerprint(type)).toString()
    return compare(known, { canonical: canonicalForm(type), fingerprintInt64 })
  },
  'confluent-frame': ({ config, input, expected }) => {
    const { direction } = fields('config', config, ['direction'])
    const { hex } = fields('input', input, ['hex'])
    try {
      return compare(expected, frameOf(text('direction', direction), bytesOf('hex', hex), expected))
    } catch (error) {
      if (!(error instanceof SabotError) || error.code !== 'FRAME_INVALID') throw error
      return compare(expected, { error: error.details.reason })
    }
  },
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
