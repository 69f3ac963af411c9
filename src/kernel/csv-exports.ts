/* The exported functions of the CSV decoder (assembly/csv/exports.ts). */

export interface CsvExports {
  csvCreate(
    plan: number,
    columns: number,
    dialect: number,
    dialectBytes: number,
    batchRows: number,
    maxRecordBytes: number,
  ): number
  csvDestroy(decoder: number): void
  csvColumns(decoder: number, map: number, width: number, header: number): number
  csvInput(decoder: number, bytes: number): number
  csvPush(decoder: number, bytes: number, final: number): number
  csvDecode(decoder: number): number
  csvBatch(decoder: number): number
  csvNextBatch(decoder: number): number
}
