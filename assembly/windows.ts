/* Tumbling and sliding windows: state, adding, firing, snapshots. */
export { windowAdd, windowMerge } from './windows/add'
export { windowFire } from './windows/fire'
export {
  windowAdvance, windowClearLate, windowCreate, windowGapTotal, windowLateCount, windowLateRows, windowLateTotal,
  windowNextFire, windowOpen, windowOutput, windowRecords, windowRelease, windowSlices, windowStateBytes,
  windowWatermark,
} from './windows/window'
export { windowSnapshot, windowSnapshotRelease } from './windows/snapshot'
export { windowRestore } from './windows/restore'
