/* From a schema to what the kernel's JSON decoder takes: a tree of the fields that are wanted. */
import { SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import { type ColumnType, type FieldType, typeName, unwrapNullable } from '../core/types.js'
import { type JsonNode, type JsonNodeType, MAX_JSON_NODES, RECORD_NODE } from '../kernel/json-plan.js'
import { type TimestampUnits, timestampScales } from './timestamp-unit.js'

export interface JsonFieldOptions {
  /**
   * Where a field stands in the record, when it is not at the top under its own name: `{ city: 'user.address.city' }`,
   * or a list of keys where a key has a dot in it.
   */
  readonly paths?: Readonly<Record<string, string | readonly string[]>>
  /** Units of the numbers in timestamp columns; 'ms' for those that are not named. */
  readonly timestampUnits?: TimestampUnits
}

export interface JsonPlan {
  readonly nodes: readonly JsonNode[]
  /** Node number of each field of the schema. */
  readonly fieldNodes: readonly number[]
  /** The path of a node in words: `user.address.city`. */
  pathOf(node: number): string
}

class PlanBuilder {
  readonly nodes: JsonNode[] = [RECORD_NODE]
  private readonly children: Map<string, number>[] = [new Map()]

  child(parent: number, key: string): number | undefined {
    return this.children[parent]?.get(key)
  }

  add(parent: number, key: string, type: JsonNodeType, nullable: boolean, scale = 0): number {
    const index = this.nodes.length
    this.nodes.push({ parent, type, key, nullable, scale })
    this.children.push(new Map())
    this.children[parent]?.set(key, index)
    return index
  }

  /** Adds a column, and what is below it. */
  addColumn(parent: number, key: string, fieldType: FieldType, scale: number, field: string): number {
    const { type, nullable } = unwrapNullable(fieldType)
    const kind = kindOf(type)
    if (typeof type === 'string' || type.kind === 'decimal') {
      return this.add(parent, key, kind, nullable, typeof type === 'string' ? scale : type.scale)
    }
    const index = this.add(parent, key, kind, nullable)
    if (type.kind === 'list') {
      const element = unwrapNullable(type.element).type
      if (typeof element === 'object' && element.kind !== 'decimal') {
        throw new SabotError(
          'UNSUPPORTED_TYPE',
          `Field ${field} is ${typeName(type)}: JSON gives lists of plain values. Declare it 'object' to have it as a ` +
            'JavaScript value',
          { field, type: typeName(type) },
        )
      }
      this.addColumn(index, '', type.element, scale, field)
    } else {
      for (const child of type.fields) {
        const childType = child.nullable ? ({ kind: 'nullable', type: child.type } as const) : child.type
        this.addColumn(index, child.name, childType, scale, `${field}.${child.name}`)
      }
    }
    return index
  }
}

function kindOf(type: Exclude<ColumnType, { kind: 'nullable' }>): JsonNodeType {
  if (type === 'object') return 'text'
  return typeof type === 'string' ? type : type.kind
}

/**
 * The plan of a schema.
 * @throws SabotError UNKNOWN_FIELD for an option that names a field which is not there; SCHEMA_INVALID when two fields
 *   have one place, or one lies within the other; UNSUPPORTED_TYPE
 */
export function jsonPlan(schema: Schema, { paths = {}, timestampUnits = {} }: JsonFieldOptions): JsonPlan {
  const pathByField = new Map(Object.entries(paths))
  for (const name of pathByField.keys()) schema.field(name)
  const scaleOf = timestampScales(schema, timestampUnits)
  const builder = new PlanBuilder()
  const fieldNodes = schema.fields.map(({ name, type, nullable }) => {
    const path = keysOf(pathByField.get(name) ?? [name])
    const key = path.pop() ?? name
    let parent = 0
    for (const part of path) {
      const inner = builder.child(parent, part) ?? builder.add(parent, part, 'object', true)
      if (builder.nodes[inner]?.type !== 'object') throw sharedPlace(name)
      parent = inner
    }
    if (builder.child(parent, key) !== undefined) throw sharedPlace(name)
    return builder.addColumn(parent, key, nullable ? { kind: 'nullable', type } : type, scaleOf(name), name)
  })
  const { nodes } = builder
  if (nodes.length > MAX_JSON_NODES) {
    throw new SabotError(
      'SCHEMA_INVALID',
      `The schema has ${nodes.length} fields and parts of fields; JSON takes ${MAX_JSON_NODES}`,
    )
  }
  return { nodes, fieldNodes, pathOf: node => pathOf(nodes, node) }
}

function keysOf(path: string | readonly string[]): string[] {
  return typeof path === 'string' ? path.split('.') : [...path]
}

function sharedPlace(field: string): SabotError {
  return new SabotError(
    'SCHEMA_INVALID',
    `Field ${field} stands where another field stands, or within it. Give each field a place of its own`,
    { field },
  )
}

function pathOf(nodes: readonly JsonNode[], node: number): string {
  const keys: string[] = []
  for (let index = node; index > 0; index = nodes[index]?.parent ?? 0) {
    const key = nodes[index]?.key ?? ''
    if (nodes[nodes[index]?.parent ?? 0]?.type === 'list') keys.unshift('[]')
    else keys.unshift(key)
  }
  return keys.join('.')
}
