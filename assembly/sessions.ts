/* Session windows: state, adding, firing, snapshots. */
export { sessionAdd } from './sessions/add'
export { sessionFire } from './sessions/fire'
export { sessionCreate, sessionRelease, sessionSettle } from './sessions/sessions'
export { sessionRestore, sessionSnapshot } from './sessions/snapshot'
