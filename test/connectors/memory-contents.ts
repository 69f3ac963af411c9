/* Files in memory for the tests of sources, in any host. */
import { MemoryFiles } from '../../src/testing/memory-files.js'

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

export function filesOf(contents: Readonly<Record<string, string | Uint8Array>>): MemoryFiles {
  const files = new MemoryFiles()
  for (const [path, content] of Object.entries(contents)) {
    files.put(path, typeof content === 'string' ? utf8(content) : content)
  }
  return files
}
