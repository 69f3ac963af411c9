/* Process functions run by the harness. */
import { Schema } from '../../../src/core/schema.js'
import type { SchemaShape } from '../../../src/core/types.js'
import { processOperator } from '../../../src/operators/process/process-operator.js'
import type { ProcessSettings } from '../../../src/operators/process/process-settings.js'
import type { StateDescriptors } from '../../../src/operators/process/state-descriptors.js'
import type { ErrorPolicy } from '../../../src/operators/user-function.js'
import {
  type HarnessMode,
  runOperator,
  type TestElement,
  type TestOutput,
} from '../../../src/testing/operator-harness.js'
import { builds } from '../../kernel/builds.js'

export const kernel = () => (builds[0] as (typeof builds)[number]).create()

export interface Functions {
  readonly keys?: readonly string[]
  readonly state?: StateDescriptors
  readonly side?: Readonly<Record<string, SchemaShape>>
  readonly errors?: ErrorPolicy
  readonly discard?: readonly string[]
  // biome-ignore lint/suspicious/noExplicitAny: the types of contexts are tested in test/types
  readonly onRecord: (row: any, context: any) => unknown
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly onTimer?: (timer: any, context: any) => unknown
}

export function settingsOf(functions: Functions, shape: SchemaShape): ProcessSettings {
  const { keys = ['key'], state = {}, side = {}, errors = 'fail', discard = [], onRecord, onTimer } = functions
  return {
    inputs: [{ keys, handle: onRecord }],
    state,
    broadcastState: {},
    discard,
    onTimer,
    schema: Schema.of(shape),
    sides: new Map(Object.entries(side).map(([name, own]) => [name, Schema.of(own)])),
    errors,
  }
}

export function runProcess(
  functions: Functions,
  shape: SchemaShape,
  input: Schema,
  elements: readonly TestElement[],
  mode: HarnessMode,
): TestOutput[] {
  return runOperator(processOperator(settingsOf(functions, shape)), kernel, [input], elements, mode)
}

export function rowsOf(outputs: readonly TestOutput[], output = 'main'): object[] {
  return outputs.flatMap(out => ('output' in out && out.output === output ? [out.row] : []))
}
