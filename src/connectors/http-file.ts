/* Files behind URLs. The types of fetch belong to the environment, so that what is used of it is described here. */
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { sequentialFile } from '../core/sequential-file.js'
import { type ByteStreamLike, chunksOf } from './byte-streams.js'

/** What is used of fetch. */
export type Fetch = (
  url: string,
  init: { readonly headers: Readonly<Record<string, string>> },
) => Promise<FetchResponse>

export interface FetchResponse {
  readonly ok: boolean
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: ByteStreamLike | null
  arrayBuffer(): Promise<ArrayBuffer>
}

/** Whether a path is one for fetch. */
export function isUrl(path: string): boolean {
  return /^(?:https?|blob|data):/i.test(path)
}

/**
 * A file behind a URL, read in ranges. A server that does not know ranges, or does not tell the size, is asked once for
 * the whole, which is then read from its beginning to its end. `path` is what the user wrote, for messages.
 */
export async function openHttp(fetch: Fetch, path: string, url: string): Promise<ReadableFile> {
  const first = await request(fetch, path, url, { Range: 'bytes=0-0' })
  if (first.status === 416) return sequentialFile(nothing(), path)
  const total = first.status === 206 ? totalBytes(first) : undefined
  if (total === undefined) {
    // 206 without a readable size: another origin that does not expose Content-Range.
    const response = first.status === 206 ? await request(fetch, path, url, {}) : first
    return sequentialFile(response.body === null ? nothing() : chunksOf(response.body), path)
  }
  await body(path, first)
  const version = versionOf(first)
  return {
    sizeBytes: total,
    ...(version === '' ? {} : { version }),
    read: async (offset, length) => {
      const end = Math.min(offset + length, total)
      if (end <= offset) return new Uint8Array(0)
      const response = await request(fetch, path, url, { Range: `bytes=${offset}-${end - 1}` })
      if (response.status !== 206 || totalBytes(response) !== total || versionOf(response) !== version) {
        throw new SabotError(
          'FILE_UNREADABLE',
          `${path}: the file changed on the server while it was read; start again`,
          { path, status: response.status },
        )
      }
      const bytes = await body(path, response)
      if (bytes.length === end - offset) return bytes
      throw new SabotError(
        'FILE_UNREADABLE',
        `${path}: the server sent ${bytes.length} bytes instead of ${end - offset} from offset ${offset}`,
        { path, offset, expected: end - offset, received: bytes.length },
      )
    },
    close: async () => {},
  }
}

async function request(
  fetch: Fetch,
  path: string,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<FetchResponse> {
  let response: FetchResponse
  try {
    response = await fetch(url, { headers })
  } catch (cause) {
    throw new SabotError(
      'FILE_UNREADABLE',
      `${path}: the server cannot be reached, or does not allow this page to read it (CORS)`,
      { path, url },
      { cause },
    )
  }
  if (response.ok || response.status === 416) return response
  const details = { path, url, status: response.status }
  if (response.status === 404 || response.status === 410) {
    throw new SabotError('FILE_NOT_FOUND', `${path}: there is no such file on the server (${url})`, details)
  }
  throw new SabotError('FILE_UNREADABLE', `${path}: the server answered with status ${response.status}`, details)
}

async function body(path: string, response: FetchResponse): Promise<Uint8Array> {
  try {
    return new Uint8Array(await response.arrayBuffer())
  } catch (cause) {
    throw new SabotError('FILE_UNREADABLE', `${path}: the connection broke while it was read`, { path }, { cause })
  }
}

/** The size from `Content-Range: bytes 0-0/1234`. */
function totalBytes(response: FetchResponse): number | undefined {
  const match = /^bytes \d+-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
  return match ? Number(match[1]) : undefined
}

/** What tells two versions of a file apart, as far as the server says. */
function versionOf(response: FetchResponse): string {
  return response.headers.get('etag') ?? response.headers.get('last-modified') ?? ''
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
