import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { checkpointStorageSuite } from './storage-suite.js'

checkpointStorageSuite('memory', async () => new MemoryCheckpointStorage())
