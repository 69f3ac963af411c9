/* Batches to and from apache-arrow, over the same buffers. */
export { fromArrow, schemaFromArrow } from './arrow-read.js'
export { schemaToArrow, toArrow } from './arrow-write.js'
