/* The aggregate functions that the window kernel computes: count, sum, min, max, mean. */
import { SabotError } from '../../core/errors.js'
import { type ColumnType, type Field, typeName } from '../../core/types.js'
import type { AggregateCall, AggregateFunction, KernelNumericFunction } from './aggregate.js'

export type KernelFunction = 'count' | KernelNumericFunction

/** An aggregate that the kernel computes. */
export interface KernelCall extends AggregateCall {
  readonly function: KernelFunction
}

export function isKernelCall<Call extends AggregateCall>(call: Call): call is Call & KernelCall {
  return isKernelFunction(call.function)
}

function isKernelFunction(name: AggregateFunction): name is KernelFunction {
  return name === 'count' || name === 'sum' || name === 'min' || name === 'max' || name === 'mean'
}

/** @throws SabotError TYPE_MISMATCH when the values of the field are not numbers. */
export function checkNumeric(name: AggregateFunction, { name: field, type }: Field): void {
  if (isNumeric(type)) return
  throw new SabotError(
    'TYPE_MISMATCH',
    `aggregate() asks for the ${name} of ${field}, which is ${typeName(type)}, not a number`,
    { field, type: typeName(type), aggregate: name },
  )
}

/** Whether a column of this type can be summed and compared. */
function isNumeric(type: ColumnType): boolean {
  if (typeof type === 'object') return type.kind === 'decimal'
  return type === 'i32' || type === 'i64' || type === 'f32' || type === 'f64' || type === 'bool' || type === 'timestamp'
}

/** The column type of an aggregate over a column of `input` type. */
export function aggregateType(name: KernelFunction, input: ColumnType): ColumnType {
  switch (name) {
    case 'count':
    case 'mean':
      return 'f64'
    case 'sum':
      return input === 'i64' || typeof input === 'object' ? input : 'f64'
    case 'min':
    case 'max':
      return input === 'bool' ? 'i32' : input
  }
}
