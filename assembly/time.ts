/* Time: timestamps and watermarks of a source, and the watermark over many inputs. */
export {
  timestampsAssign, watermarksCreate, watermarksCurrent, watermarksMax, watermarksRelease, watermarksSet,
} from './time/timestamps'
export {
  coalescerActive, coalescerAdvance, coalescerCreate, coalescerExport, coalescerHolder, coalescerIdle, coalescerImport,
  coalescerInputWatermark, coalescerIsIdle, coalescerRelease, coalescerStateBytes, coalescerWatermark,
} from './time/coalescer'
