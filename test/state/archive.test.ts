import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packCheckpoint, unpackCheckpoint } from '../../src/state/archive.js'
import { encodeManifest } from '../../src/state/manifest.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { manifestOf, type PartContent, putCheckpoint, testHash } from './checkpoints.js'

const PARTS: PartContent[][] = [
  [{ name: 'operator-0.state', bytes: Uint8Array.of(1, 2, 3, 4, 5) }],
  [],
  [
    { name: 'operator-2.keys', bytes: new Uint8Array() },
    { name: 'operator-2.windows', bytes: Uint8Array.from({ length: 40 }, (_, index) => index * 7) },
  ],
]

async function packed(parts: PartContent[][] = PARTS, checkpointId = 12): Promise<Uint8Array> {
  const storage = new MemoryCheckpointStorage()
  await putCheckpoint(storage, checkpointId, parts)
  return packCheckpoint(storage, checkpointId, testHash)
}

/** An archive that is right in itself around bytes that were made up. */
function forge(manifest: Uint8Array, content: Uint8Array, change: (view: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(48 + manifest.length + content.length)
  const view = new DataView(bytes.buffer)
  bytes.set(new TextEncoder().encode('SABOTARC'))
  view.setUint32(8, 1, true)
  view.setBigUint64(16, BigInt(manifest.length), true)
  view.setBigUint64(24, BigInt(bytes.length), true)
  view.setBigUint64(32, BigInt(`0x${testHash(manifest)}`), true)
  change(view)
  view.setBigUint64(40, BigInt(`0x${testHash(bytes.subarray(0, 40))}`), true)
  bytes.set(manifest, 48)
  bytes.set(content, 48 + manifest.length)
  return bytes
}

/** A manifest whose checksum fits, whatever its body says. */
function forgeManifest(body: string): Uint8Array {
  const bytes = new TextEncoder().encode(body)
  const checksum = testHash(Uint8Array.from([...new TextEncoder().encode('1\n'), ...bytes]))
  const head = new TextEncoder().encode(`sabot-checkpoint 1 ${checksum} ${bytes.length}\n`)
  return Uint8Array.from([...head, ...bytes])
}

async function expectRefused(bytes: Uint8Array, code = 'CHECKPOINT_CORRUPT'): Promise<void> {
  const storage = new MemoryCheckpointStorage()
  await expect(unpackCheckpoint(bytes, storage, testHash)).rejects.toMatchObject({ name: 'SabotError', code })
  expect(await storage.list()).toEqual([])
  expect(await storage.readPart(12, 'operator-0.state')).toBeUndefined()
}

describe('checkpoint archive', () => {
  it('carries any checkpoint to another storage as it is', async () => {
    const parts = fc.array(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(parts, fc.maxSafeNat(), async (operators, checkpointId) => {
        const named = operators.map((list, operator) =>
          list.map((bytes, index) => ({ name: `operator-${operator}.${index}`, bytes })),
        )
        const from = new MemoryCheckpointStorage()
        const manifest = await putCheckpoint(from, checkpointId, named)
        const archive = await packCheckpoint(from, checkpointId, testHash)
        expect([...(await packCheckpoint(from, checkpointId, testHash))]).toEqual([...archive])

        const to = new MemoryCheckpointStorage()
        // From the middle of a larger buffer, as a file reader may hand it over.
        const shifted = new Uint8Array(archive.length + 3)
        shifted.set(archive, 3)
        expect(await unpackCheckpoint(shifted.subarray(3), to, testHash)).toBe(checkpointId)
        expect([...((await to.readManifest(checkpointId)) ?? [])]).toEqual([...manifest])
        for (const { name, bytes } of named.flat()) {
          expect([...((await to.readPart(checkpointId, name)) ?? [-1])]).toEqual([...bytes])
        }
        expect(await to.list()).toEqual([checkpointId])
      }),
      { numRuns: 60 },
    )
  })

  it('finds every flipped bit and writes nothing', async () => {
    const archive = await packed()
    for (let at = 0; at < archive.length; at++) {
      for (const bit of [0, 3, 7]) {
        const damaged = archive.slice()
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
        await expectRefused(damaged)
      }
    }
  })

  it('finds every truncation, and bytes behind the end', async () => {
    const archive = await packed()
    for (let length = 0; length < archive.length; length++) await expectRefused(archive.subarray(0, length))
    await expectRefused(Uint8Array.from([...archive, 0]))
    await expectRefused(new Uint8Array(100))
  })

  it('refuses lengths that lie although all checksums fit', async () => {
    const manifest = manifestOf(12, PARTS)
    const content = Uint8Array.from(PARTS.flat().flatMap(({ bytes }) => [...bytes]))
    expect(await unpackCheckpoint(forge(manifest, content), new MemoryCheckpointStorage(), testHash)).toBe(12)
    for (const lie of [0n, 1n, BigInt(manifest.length + 1), 2n ** 53n, 2n ** 64n - 1n]) {
      await expectRefused(forge(manifest, content, view => view.setBigUint64(16, lie, true)))
      await expectRefused(forge(manifest, content, view => view.setBigUint64(24, lie, true)))
    }
    await expectRefused(forge(manifest, content.subarray(1)))
    await expectRefused(forge(manifest, Uint8Array.from([...content, 0])))
  })

  it('refuses manifests that lie although all checksums fit', async () => {
    const part = (entry: object): string =>
      JSON.stringify({
        checkpointId: 12,
        operators: [{ id: 'a', parts: [{ name: 'a', sizeBytes: 0, xxh64: testHash(new Uint8Array()), ...entry }] }],
      })
    expect(
      await unpackCheckpoint(forge(forgeManifest(part({})), new Uint8Array()), new MemoryCheckpointStorage(), testHash),
    ).toBe(12)
    const lies = [
      '{',
      'null',
      '[]',
      '{"checkpointId":12}',
      '{"checkpointId":12,"operators":{}}',
      '{"checkpointId":12,"operators":[null]}',
      '{"checkpointId":12,"operators":[{"parts":[null]}]}',
      '{"checkpointId":-1,"operators":[]}',
      '{"checkpointId":1.5,"operators":[]}',
      '{"checkpointId":"12","operators":[]}',
      part({ name: '../../etc/passwd' }),
      part({ name: 7 }),
      part({ sizeBytes: -1 }),
      part({ sizeBytes: 0.5 }),
      part({ sizeBytes: 1e300 }),
      part({ sizeBytes: 2 ** 40 }),
      part({ sizeBytes: '0' }),
      part({ xxh64: '' }),
      part({ xxh64: 'ffffffffffffffff' }),
    ]
    for (const lie of lies) await expectRefused(forge(forgeManifest(lie), new Uint8Array()))
    const twice = { name: 'a', bytes: Uint8Array.of(1) }
    await expectRefused(forge(manifestOf(12, [[twice], [twice]]), Uint8Array.of(1, 1)))
  })

  it('refuses formats of the future by name', async () => {
    const manifest = manifestOf(12, [])
    await expectRefused(
      forge(manifest, new Uint8Array(), view => view.setUint32(8, 2, true)),
      'CHECKPOINT_VERSION',
    )
  })

  it('does not pack what is missing or damaged', async () => {
    const storage = new MemoryCheckpointStorage()
    await expect(packCheckpoint(storage, 3, testHash)).rejects.toMatchObject({ code: 'CHECKPOINT_MISSING' })
    await storage.writeManifest(3, manifestOf(3, PARTS))
    await expect(packCheckpoint(storage, 3, testHash)).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' })
    await storage.writeManifest(4, manifestOf(5, []))
    await expect(packCheckpoint(storage, 4, testHash)).rejects.toThrow('checkpoint 5')
    await storage.writeManifest(6, encodeManifest(JSON.parse('{"checkpointId":6,"operators":7}'), testHash))
    await expect(packCheckpoint(storage, 6, testHash)).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' })
  })

  it('does not overwrite a checkpoint of the same number', async () => {
    const archive = await packed()
    const storage = new MemoryCheckpointStorage()
    const before = await putCheckpoint(storage, 12, [])
    await expect(unpackCheckpoint(archive, storage, testHash)).rejects.toMatchObject({ code: 'CHECKPOINT_EXISTS' })
    expect([...((await storage.readManifest(12)) ?? [])]).toEqual([...before])
  })
})
