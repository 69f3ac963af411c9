/* Files written by the encoders, as sinks write them: interrupted and gone on with by a new encoder. */
import type { Batch } from '../../src/core/batch.js'
import type { Json } from '../../src/core/json.js'
import { concatBytes, type FileEncoding } from '../../src/formats/file-encoder.js'
import { testKernel } from '../connectors/kernel.js'

/** `resumeBehind`: after which batches the encoder is replaced by a new one. */
export async function encodeFile(
  encoding: FileEncoding,
  batches: readonly Batch[],
  resumeBehind: readonly number[] = [],
): Promise<Uint8Array> {
  const kernel = testKernel()
  const parts: Uint8Array[] = []
  let encoder = encoding.encoder({ kernel, resumed: undefined })
  for (const [index, batch] of batches.entries()) {
    parts.push((await encoder.encode(batch)).slice())
    if (!resumeBehind.includes(index)) continue
    const { bytes, state } = await encoder.suspend()
    parts.push(bytes.slice())
    encoder.destroy()
    const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0)
    encoder = encoding.encoder({ kernel, resumed: { state: JSON.parse(JSON.stringify(state)) as Json, sizeBytes } })
  }
  parts.push((await encoder.end()).slice())
  encoder.destroy()
  return concatBytes(parts)
}
