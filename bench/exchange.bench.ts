import { MessageChannel } from 'node:worker_threads'
import { Float64Column, Int32Column, TimestampColumn } from '../src/core/columns-fixed.js'
import { Batch, schema } from '../src/index.js'
import { nodeEnvironment } from '../src/node/environment.js'
import { BarrierAligner } from '../src/runtime/barrier-aligner.js'
import { BatchPacker } from '../src/runtime/packing/batch-packer.js'
import { createPartitioner } from '../src/runtime/partitioner.js'
import { BatchDecoder, BatchEncoder, type WireBatch } from '../src/runtime/remote/batch-codec.js'
import type { Benchmark } from './harness.js'
import { BATCH_ROWS, makeRows } from './keyed-rows.js'

const ROW = schema({ key: 'i32', ts: 'timestamp', value: 'f64' })
const KEYS = 100_000

function batches(count: number): Batch[] {
  const { keys, timestamps, values } = makeRows(count * BATCH_ROWS, KEYS, 'raw')
  return Array.from({ length: count }, (_, n) => {
    const from = n * BATCH_ROWS
    const to = from + BATCH_ROWS
    const times = timestamps.slice(from, to)
    const columns = [
      new Int32Column(keys.slice(from, to)),
      TimestampColumn.fromMillis(times),
      new Float64Column(values.slice(from, to)),
    ]
    return new Batch({ schema: ROW, columns, rowCount: BATCH_ROWS, timestamps: times, watermarks: times })
  })
}

const TO_WORKER_BATCHES = 64

/** As the partitioner hands it over. */
function repacked(batch: Batch): Batch {
  const packer = new BatchPacker(BATCH_ROWS)
  packer.append(batch, { rows: Uint32Array.from({ length: BATCH_ROWS }, (_, row) => row), from: 0, to: BATCH_ROWS })
  return packer.finish()
}

const partition: Benchmark = {
  name: 'exchange/partition',
  workload: `batches of ${BATCH_ROWS} rows (i32 key, timestamp, f64 value, event times) split by key group over 4 subtasks`,
  unit: 'ns/row',
  rows: 128 * BATCH_ROWS,
  warmUpRuns: 5,
  open: () => {
    const kernel = nodeEnvironment().createKernel()
    const given = { channels: 4, index: 0, kernel, maxParallelism: 128, batchRows: BATCH_ROWS }
    const context = { ...given, send: () => undefined }
    const partitioner = createPartitioner({ hashOf: ['key'] }, context)
    const all = batches(128)
    return {
      subject: {
        run: () => {
          for (const batch of all) partitioner.take(batch)
          partitioner.flush()
        },
      },
      close: () => partitioner.close(),
    }
  },
}

const toWorker: Benchmark = {
  name: 'exchange/to-worker',
  workload: `batches of ${BATCH_ROWS} rows through a message port: the buffers that they were gathered in are transferred, and read in their place`,
  unit: 'ns/row',
  rows: TO_WORKER_BATCHES * BATCH_ROWS,
  runs: 5,
  open: () => {
    const { port1, port2 } = new MessageChannel()
    const encoder = new BatchEncoder()
    const decoder = new BatchDecoder()
    const all = batches(TO_WORKER_BATCHES)
    let gathered: Batch[] = []
    const rows = all.map(batch => batch.toRows())
    let received: (message: unknown) => void = () => undefined
    port2.on('message', message => received(message))
    /** Fulfilled when as many messages have come. */
    const arrivals = (count: number, take: (message: unknown) => void): Promise<void> => {
      return new Promise(resolve => {
        let left = count
        received = message => {
          take(message)
          left -= 1
          if (left === 0) resolve()
        }
      })
    }
    return {
      subject: {
        prepare: () => {
          gathered = all.map(repacked)
        },
        run: () => {
          const arrived = arrivals(all.length, message => decoder.decode(message as WireBatch))
          for (const batch of gathered) {
            const wire = encoder.encode(batch, true)
            port1.postMessage(wire, [...wire.buffers])
          }
          return arrived
        },
      },
      peers: {
        'rows as objects': {
          run: () => {
            const arrived = arrivals(rows.length, () => undefined)
            for (const objects of rows) port1.postMessage(objects)
            return arrived
          },
        },
      },
      close: () => port1.close(),
    }
  },
}

const ALIGNMENTS = 20_000

const align: Benchmark = {
  name: 'exchange/align-64',
  workload: 'one alignment of a barrier over 64 channels; a "row" is an alignment',
  unit: 'ns/row',
  rows: ALIGNMENTS,
  open: () => ({
    subject: {
      run: () => {
        let aligned = 0
        const aligner = new BarrierAligner(64, {
          onAligned: () => {
            aligned += 1
          },
          onAborted: () => undefined,
        })
        for (let id = 1; id <= ALIGNMENTS; id++) {
          for (let channel = 0; channel < 64; channel++) aligner.barrier(id, channel)
        }
        if (aligned !== ALIGNMENTS) throw new Error(`${aligned} alignments`)
      },
    },
  }),
}

export default [partition, toWorker, align] satisfies readonly Benchmark[]
