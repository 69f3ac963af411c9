/* The built kernels' bytes in a page. */

export async function kernelBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`/build/${file}`)
  if (!response.ok) throw new Error(`build/${file} is not served: ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}
