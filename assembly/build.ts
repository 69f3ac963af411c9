/*
 * What kind of build this is. The checked build (asconfig.json, target "checked") is compiled below -O3; it guards
 * every store. SIMD is a feature of the compiler run.
 */
import { ABI_VERSION } from './abi'

// @ts-ignore: compile-time constants of AssemblyScript
export const CHECKED: bool = ASC_OPTIMIZE_LEVEL < 3
// @ts-ignore: compile-time constants of AssemblyScript
export const SIMD: bool = ASC_FEATURE_SIMD

/** Version of the contract in abi.ts that this module keeps. */
export function abiVersion(): i32 {
  return ABI_VERSION
}
