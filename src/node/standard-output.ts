import type { Writable } from 'node:stream'
import { SabotError } from '../core/errors.js'
import type { ByteOutput } from '../operators/sink.js'
import { systemReason } from './durable.js'

/**
 * A process's output as a ByteOutput: a write is fulfilled when the stream has handed the bytes on, so that a slow
 * reader slows the job. Fails with OUTPUT_CLOSED when nobody reads any more.
 */
export function byteOutput(stream: Writable): ByteOutput {
  // A stream reports a failed write twice: to the write and as an event, which would end the process.
  const ignore = (): void => {}
  let isListening = false
  return {
    write(bytes) {
      if (!isListening) stream.on('error', ignore)
      isListening = true
      return new Promise((resolve, reject) => {
        stream.write(bytes, error => {
          if (error === null || error === undefined) resolve()
          else
            reject(
              new SabotError('OUTPUT_CLOSED', `The output is closed: ${systemReason(error)}`, {}, { cause: error }),
            )
        })
      })
    },
  }
}
