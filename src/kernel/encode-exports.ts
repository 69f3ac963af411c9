/* The exported functions of encoding (assembly/encode/exports.ts). */

export interface EncodeExports {
  encodeRows(task: number): number
  encodeTexts(
    strings: number,
    bytes: number,
    from: number,
    to: number,
    offsets: number,
    texts: number,
    capacity: number,
    dialect: number,
  ): number
  encodeIsUtf8(strings: number, bytes: number, count: number, size: number): number
}
