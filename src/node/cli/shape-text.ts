/* A schema as it is written in a program, to be copied there. */
import type { Schema } from '../../core/schema.js'
import type { Field, FieldType } from '../../core/types.js'

/** `{\n  at: 'timestamp',\n  n: nullable('i32'),\n}` */
export function shapeText({ fields }: Schema): string {
  if (fields.length === 0) return '{}'
  return `{\n${fields.map(field => `  ${fieldText(field)},\n`).join('')}}`
}

function fieldText({ name, type, nullable }: Field): string {
  const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
  return `${key}: ${typeText(nullable ? { kind: 'nullable', type } : type)}`
}

function typeText(type: FieldType): string {
  if (typeof type === 'string') return `'${type}'`
  switch (type.kind) {
    case 'nullable':
      return `nullable(${typeText(type.type)})`
    case 'decimal':
      return `decimal(${type.scale})`
    case 'list':
      return `list(${typeText(type.element)})`
    case 'struct':
      return `struct({ ${type.fields.map(fieldText).join(', ')} })`
  }
}
