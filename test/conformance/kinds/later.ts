import type { Registry, VectorRunner } from '../registry.js'
import { skip } from '../vector.js'

const not = (what: string): VectorRunner => {
  return () => skip(`${what} not built yet`)
}

/** Kinds of parts that the engine does not have. Each is a decision to defend: the reason says what is missing. */
export const later: Registry = {
  'avro-binary': not('Avro decoding is'),
  'avro-fingerprint': not('Avro schema fingerprints are'),
  'barrier-alignment': not('barrier alignment over several inputs is'),
  'beam-drop-count': not('session windows are'),
  'beam-panes': not('triggers and accumulation modes are'),
  'confluent-frame': not('the Confluent wire format is'),
  'kafka-record': not('Kafka record encoding is'),
  'kafka-record-batch': not('Kafka record encoding is'),
  'ks-session-aggregate': not('session windows are'),
  'ks-sliding-aggregate': not('Kafka Streams sliding windows are'),
  'ks-stream-join': not('stream joins are'),
  'ks-suppress': not('suppression is'),
  'ks-time-window-aggregate': not('updates before a window closes are'),
  'merge-windows': not('session windows are'),
  'session-bounds': not('session windows are'),
  'session-count': not('session windows are'),
  'timer-service': not('timers for user functions are'),
  'window-cogroup': not('window joins are'),
  'window-join': not('window joins are'),
}
