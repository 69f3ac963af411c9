/* The exported functions of the JSON decoder (assembly/json/exports.ts). */

export interface JsonExports {
  jsonCreate(
    plan: number,
    planBytes: number,
    nodes: number,
    format: number,
    batchRows: number,
    maxRecordBytes: number,
  ): number
  jsonDestroy(decoder: number): void
  jsonInput(decoder: number, bytes: number): number
  jsonPush(decoder: number, bytes: number, final: number): number
  jsonDecode(decoder: number): number
  jsonBatch(decoder: number): number
  jsonNextBatch(decoder: number): number
}
