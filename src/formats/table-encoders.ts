/* The encoders of tables as those of whole files. Options that are none are found here, before a job runs. */
import { type ArrowWriteOptions, arrowEncoder, checkArrowOptions } from './arrow-ipc-write.js'
import { type AvroWriteOptions, avroEncoder, checkAvroOptions } from './avro-write.js'
import type { FileEncoding } from './file-encoder.js'
import { checkParquetOptions, type ParquetWriteOptions, parquetEncoder } from './parquet-write.js'

/** @throws TypeError for options out of range */
export function parquetEncoding(options: ParquetWriteOptions = {}): FileEncoding {
  checkParquetOptions(options)
  return { format: 'parquet', encoder: request => parquetEncoder(options, request) }
}

/** @throws TypeError for options that are none */
export function arrowEncoding(options: ArrowWriteOptions = {}): FileEncoding {
  checkArrowOptions(options)
  return { format: 'arrow', encoder: request => arrowEncoder(options, request) }
}

/** @throws TypeError for options that are none */
export function avroEncoding(options: AvroWriteOptions = {}): FileEncoding {
  checkAvroOptions(options)
  return { format: 'avro', encoder: request => avroEncoder(options, request) }
}
