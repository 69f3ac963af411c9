/* What a JSON decoder is to take, as the kernel reads it (assembly/abi.ts draws the plan). */
import {
  JSON_LIST,
  JSON_OBJECT,
  JSON_PLAN_RECORD_BYTES,
  JSON_STRUCT,
  JSON_TEXT,
  LIMIT_JSON_NODES,
} from '../../assembly/abi.js'
import { encodeUtf8 } from '../core/utf8.js'
import { VALUE_TYPES } from './value-types.js'

const TYPES = {
  ...VALUE_TYPES,
  /** An object on the way to columns, itself none. */
  object: JSON_OBJECT,
  struct: JSON_STRUCT,
  list: JSON_LIST,
  /** Any value, as its JSON text. */
  text: JSON_TEXT,
} as const

export type JsonNodeType = keyof typeof TYPES

/** A field that is wanted, an object on the way to one, or the element of a list. */
export interface JsonNode {
  /** Number of the node that it is a field or the element of; -1 for the first node, which is the record. */
  readonly parent: number
  readonly type: JsonNodeType
  /** Field name; empty for the record and for elements. */
  readonly key: string
  readonly nullable: boolean
  /** decimal: digits after the point. timestamp: log10 of the milliseconds in a unit of numbers. */
  readonly scale: number
}

/** The first node of every plan: the record. */
export const RECORD_NODE: JsonNode = { parent: -1, type: 'object', key: '', nullable: false, scale: 0 }

export const MAX_JSON_NODES = LIMIT_JSON_NODES

export function encodePlan(nodes: readonly JsonNode[]): Uint8Array<ArrayBuffer> {
  const keys = nodes.map(({ key }) => encodeUtf8(key))
  const head = nodes.length * JSON_PLAN_RECORD_BYTES
  const plan = new Uint8Array(head + keys.reduce((sum, key) => sum + key.length, 0))
  const words = new DataView(plan.buffer)
  let end = head
  for (const [index, { parent, type, nullable, scale }] of nodes.entries()) {
    const key = keys[index] ?? new Uint8Array()
    const record = [Math.max(parent, 0), TYPES[type], nullable ? 1 : 0, scale, end, key.length]
    for (const [word, value] of record.entries()) {
      words.setInt32(index * JSON_PLAN_RECORD_BYTES + word * 4, value, true)
    }
    plan.set(key, end)
    end += key.length
  }
  return plan
}
