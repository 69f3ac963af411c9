import { fileOfBlob } from '../connectors/byte-streams.js'
import { openHttp } from '../connectors/http-file.js'
import { SabotError } from '../core/errors.js'
import type { Files } from '../core/files.js'
import { originPrivateFolder } from './origin-private-files.js'

export interface BrowserFilesOptions {
  /**
   * The folder of the origin-private file system that written files lie in, such as 'sabot/flights'. Two jobs that
   * write files of one name need two folders.
   */
  readonly folder: string
  /** What relative URLs are relative to. Default: the URL of the page or worker. */
  readonly baseUrl?: string
  /** Files and Blobs that are read under a name of their own, such as what a person dropped onto the page. */
  readonly blobs?: Readonly<Record<string, Blob>>
}

const ORIGIN_PRIVATE = 'opfs:'

/**
 * The files of a browser. `openRead` takes, in this order: a name from `blobs`; `opfs:path` for a file that was
 * written here; a URL. `openAppend` writes into the origin-private file system, with or without the prefix `opfs:`,
 * and works in a dedicated worker only, since no other place has synchronous access.
 */
export function browserFiles(options: BrowserFilesOptions): Files {
  const folder = originPrivateFolder(options.folder)
  const blobs = options.blobs ?? {}
  return {
    openRead: async path => {
      if (Object.hasOwn(blobs, path)) return fileOfBlob(blobs[path] as Blob, path)
      if (path.startsWith(ORIGIN_PRIVATE)) {
        const name = path.slice(ORIGIN_PRIVATE.length)
        const file = await folder.read(name)
        if (file) return fileOfBlob(file, path)
        throw new SabotError('FILE_NOT_FOUND', `${path}: there is no such file in ${folder.description}`, { path })
      }
      return openHttp(fetchUrl, path, absolute(path, options.baseUrl ?? globalThis.location.href))
    },
    openAppend: path => folder.openAppend(nameOf(path)),
    directories: {
      // Names that are not of the origin-private file system are URLs, which have no directories.
      list: async path => (path.startsWith(ORIGIN_PRIVATE) ? folder.list(nameOf(path)) : undefined),
      rename: (from, to) => folder.rename(nameOf(from), nameOf(to)),
      remove: path => folder.remove(nameOf(path)),
    },
  }
}

/** Looked up at each call, as a page may have put another in its place. */
const fetchUrl: typeof fetch = (url, init) => globalThis.fetch(url, init)

function nameOf(path: string): string {
  return path.startsWith(ORIGIN_PRIVATE) ? path.slice(ORIGIN_PRIVATE.length) : path
}

function absolute(path: string, baseUrl: string): string {
  const url = URL.canParse(path, baseUrl) ? new URL(path, baseUrl) : undefined
  if (url && /^(https?|blob|data):$/.test(url.protocol)) return url.href
  throw new SabotError(
    'FILE_UNREADABLE',
    `${path}: a browser reads URLs (http, https), files it wrote itself (opfs:name) and files handed to the job`,
    { path, baseUrl },
  )
}
