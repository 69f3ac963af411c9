import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { browserFiles } from '../../src/browser/files.js'

/*
 * The server is played by a stand-in for fetch that keeps to RFC 9110, section 14: the answers of real servers are
 * fixed by it, and Chromium cannot be told to misbehave.
 */
const FILE = Uint8Array.from({ length: 1000 }, (_, index) => index & 0xff)

interface Server {
  ranges: boolean
  exposesRange: boolean
  etag: string
  requests: string[]
}

let server: Server
const realFetch = globalThis.fetch
const files = browserFiles({
  folder: 'test/urls',
  baseUrl: 'https://example.org/app/',
  blobs: { 'mine.bin': new Blob([FILE]) },
})

beforeEach(() => {
  server = { ranges: true, exposesRange: true, etag: '"1"', requests: [] }
  globalThis.fetch = async (url, init) => {
    const range = new Headers(init?.headers).get('range')
    server.requests.push(`${url} ${range ?? 'whole'}`)
    if (String(url).includes('missing')) return new Response('no', { status: 404 })
    if (String(url).includes('broken')) return new Response('no', { status: 503 })
    if (String(url).includes('down')) throw new TypeError('Failed to fetch')
    if (String(url).includes('empty')) return new Response(null, { status: server.ranges ? 416 : 200 })
    const match = server.ranges ? /^bytes=(\d+)-(\d+)$/.exec(range ?? '') : null
    if (!match) return new Response(FILE.slice(), { headers: { etag: server.etag } })
    const [from, to] = [Number(match[1]), Math.min(Number(match[2]), FILE.length - 1)]
    const headers = new Headers({ etag: server.etag })
    if (server.exposesRange) headers.set('content-range', `bytes ${from}-${to}/${FILE.length}`)
    return new Response(FILE.slice(from, to + 1), { status: 206, headers })
  }
})
afterEach(() => {
  globalThis.fetch = realFetch
})

describe('files behind URLs', () => {
  it('reads ranges, relative to the base URL, and never more than asked for', async () => {
    const file = await files.openRead('data/a.bin')
    expect(file.sizeBytes).toBe(1000)
    expect([...(await file.read(10, 20))]).toEqual([...FILE.subarray(10, 30)])
    expect([...(await file.read(990, 50))]).toEqual([...FILE.subarray(990)])
    expect(await file.read(1000, 1)).toHaveLength(0)
    expect(server.requests).toEqual([
      'https://example.org/app/data/a.bin bytes=0-0',
      'https://example.org/app/data/a.bin bytes=10-29',
      'https://example.org/app/data/a.bin bytes=990-999',
    ])
  })

  it('asks a server without ranges once, for the whole', async () => {
    server.ranges = false
    const file = await files.openRead('https://example.org/a.bin')
    expect(file).toMatchObject({ isSequential: true, sizeBytes: Number.POSITIVE_INFINITY })
    expect([...(await file.read(10, 20))]).toEqual([...FILE.subarray(10, 30)])
    expect([...(await file.read(990, 50))]).toEqual([...FILE.subarray(990)])
    await expect(file.read(0, 1)).rejects.toBeInstanceOf(RangeError)
    expect(server.requests).toEqual(['https://example.org/a.bin bytes=0-0'])
  })

  it('asks for the whole where another origin hides the size', async () => {
    server.exposesRange = false
    const file = await files.openRead('https://elsewhere.example/a.bin')
    expect(file.isSequential).toBe(true)
    expect([...(await file.read(0, 50))]).toEqual([...FILE.subarray(0, 50)])
    expect(server.requests).toEqual([
      'https://elsewhere.example/a.bin bytes=0-0',
      'https://elsewhere.example/a.bin whole',
    ])
  })

  it.each([true, false])('reads an empty file (server with ranges: %s)', async ranges => {
    server.ranges = ranges
    const file = await files.openRead('empty.bin')
    expect(await file.read(0, 10)).toHaveLength(0)
  })

  it('refuses to mix two versions of a file', async () => {
    const file = await files.openRead('a.bin')
    server.etag = '"2"'
    await expect(file.read(0, 10)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    await expect(file.read(0, 10)).rejects.toThrow('changed on the server')
  })

  it('names what is missing, what fails and what cannot be reached', async () => {
    await expect(files.openRead('missing.bin')).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      details: { url: 'https://example.org/app/missing.bin', status: 404 },
    })
    await expect(files.openRead('broken.bin')).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      details: { status: 503 },
    })
    await expect(files.openRead('down.bin')).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      cause: { name: 'TypeError' },
    })
    await expect(files.openRead('file:///a.bin')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
  })

  it('reads Blobs by their names, before URLs', async () => {
    const file = await files.openRead('mine.bin')
    expect(file.sizeBytes).toBe(1000)
    expect([...(await file.read(990, 50))]).toEqual([...FILE.subarray(990)])
    expect(server.requests).toEqual([])
  })

  it('says that a file on disk has changed', async () => {
    const blob = new Blob([FILE])
    blob.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException('changed', 'NotReadableError')) }) as Blob
    const file = await browserFiles({ folder: 'test/urls', blobs: { a: blob } }).openRead('a')
    await expect(file.read(0, 1)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      cause: { name: 'NotReadableError' },
    })
  })
})
