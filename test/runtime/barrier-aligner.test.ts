import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BarrierAligner } from '../../src/runtime/barrier-aligner.js'

type Told = { aligned?: number; aborted?: number }

function recorded(channels: number): { aligner: BarrierAligner; told: Told[] } {
  const told: Told[] = []
  const aligner = new BarrierAligner(channels, {
    onAligned: aligned => told.push({ aligned }),
    onAborted: aborted => told.push({ aborted }),
  })
  return { aligner, told }
}

describe('barrier alignment', () => {
  it('lets a task whose inputs have all ended take part', () => {
    const { aligner, told } = recorded(2)
    aligner.end(0)
    aligner.end(1)
    aligner.barrier(1, 0)
    aligner.barrier(1, 1)
    aligner.barrier(2, 1)
    expect(told).toEqual([{ aligned: 1 }, { aligned: 2 }])
  })

  it('waits for the open channel when the barrier comes first from one that has ended', () => {
    const { aligner, told } = recorded(2)
    aligner.end(0)
    aligner.barrier(1, 0)
    expect(told).toEqual([])
    expect(aligner.isPending).toBe(true)
    aligner.barrier(1, 1)
    expect(told).toEqual([{ aligned: 1 }])
  })

  it('a cancel of a newer checkpoint frees the channels and forbids the newer one', () => {
    const { aligner, told } = recorded(2)
    aligner.barrier(1, 0)
    aligner.cancel(3)
    expect(aligner.isBlocked(0)).toBe(false)
    aligner.barrier(3, 0)
    aligner.barrier(3, 1)
    expect(told).toEqual([{ aborted: 1 }, { aborted: 3 }])
  })

  it('keeps its laws whatever comes', () => {
    const op = fc.record({
      kind: fc.constantFrom('barrier', 'barrier', 'barrier', 'cancel', 'end'),
      id: fc.integer({ min: 1, max: 6 }),
      channel: fc.nat(2),
    })
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), ops => {
        const { aligner, told } = recorded(3)
        for (const { kind, id, channel } of ops) {
          const before = told.length
          if (kind === 'barrier') aligner.barrier(id, channel)
          else if (kind === 'cancel') aligner.cancel(id)
          else aligner.end(channel)
          const blocked = [0, 1, 2].filter(c => aligner.isBlocked(c))
          if (!aligner.isPending) expect(blocked).toEqual([])
          if (kind !== 'barrier' && told.length > before) expect(blocked).toEqual([])
        }
        const aligned = told.flatMap(({ aligned }) => aligned ?? [])
        expect(aligned).toEqual([...new Set(aligned)].sort((a, b) => a - b))
        const all = told.flatMap(({ aligned, aborted }) => aligned ?? aborted ?? [])
        expect(new Set(all).size).toBe(all.length)
      }),
    )
  })

  it('aligns exactly when every open channel has given the barrier: all interleavings of two checkpoints', () => {
    const order = fc.shuffledSubarray([0, 1, 2, 0, 1, 2], { minLength: 6 })
    fc.assert(
      fc.property(order, channels => {
        const { aligner, told } = recorded(3)
        const next = [1, 1, 1]
        const waiting = [...channels]
        // A blocked channel's elements stay where they are until it is free.
        while (waiting.length > 0) {
          const at = waiting.findIndex(channel => !aligner.isBlocked(channel))
          const [channel = 0] = waiting.splice(at, 1)
          aligner.barrier(next[channel] ?? 0, channel)
          next[channel] = (next[channel] ?? 0) + 1
        }
        expect(told).toEqual([{ aligned: 1 }, { aligned: 2 }])
      }),
    )
  })
})
