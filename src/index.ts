export * from './connectors/index.js'
export {
  Batch,
  BoolColumn,
  type Column,
  type ColumnType,
  DecimalColumn,
  Dictionary,
  DictionaryColumn,
  type Directories,
  type DirectoryEntry,
  type Duration,
  days,
  decimal,
  ERROR_CODES,
  type Files,
  Float32Column,
  Float64Column,
  formatDuration,
  hours,
  Int32Column,
  Int64Column,
  type Json,
  list,
  milliseconds,
  minutes,
  nullable,
  parseDuration,
  type RowOf,
  SabotError,
  Schema,
  type SchemaShape,
  schema,
  seconds,
  struct,
  TimestampColumn,
  Utf8Column,
  type ValueOf,
} from './core/index.js'
export { avroFingerprint, canonicalForm, parseAvroSchema } from './formats/avro-schema.js'
export { type ConfluentFrame, readConfluentFrame, writeConfluentFrame } from './formats/confluent-frame.js'
export type { AggregateOf, Aggregates, WindowResult } from './graph/aggregates.js'
export type { AsyncMapOptions } from './graph/async-map.js'
export {
  BroadcastConnectedStreams,
  type BroadcastProcessFunction,
  ConnectedStreams,
  type TwoInputProcessFunction,
} from './graph/connected-streams.js'
export type { FunctionOptions } from './graph/error-policy.js'
export { ExecutionGraph } from './graph/execution-graph.js'
export { explainGraph } from './graph/explain.js'
export { executionDot, explainExecution } from './graph/explain-execution.js'
export { type Job, JobBuilder, job, type SourceOptions } from './graph/job.js'
export { JobGraph } from './graph/job-graph.js'
export {
  EnrichedRows,
  Joined,
  type JoinField,
  type JoinProjected,
  type JoinProjection,
  left,
  right,
  type WindowFields,
  WindowJoined,
} from './graph/join-projection.js'
export type { IntervalJoinOptions, WindowJoinOptions } from './graph/joins.js'
export type { DeduplicateOptions, MissingEventOptions, TimeToLive, TopNOptions } from './graph/keyed-operators.js'
export { KeyedStream } from './graph/keyed-stream.js'
export type { PreAggregation } from './graph/local-aggregates.js'
export type {
  BroadcastContext,
  KeyedContext,
  KeyedProcessFunction,
  OutputContext,
  ProcessFunction,
} from './graph/process.js'
export { type ComputedColumn, column, type Projected, type Projection } from './graph/projection.js'
export { type NamedWindows, SeveralWindows } from './graph/several-windows.js'
export { SourceStream } from './graph/source-stream.js'
export {
  FunctionResults,
  JoinResults,
  MissingEvents,
  ProcessResults,
  type SinkOptions,
  Stream,
  TimestampedStream,
  WindowedResults,
} from './graph/stream.js'
export type { SuppressOptions } from './graph/suppress.js'
export type { AsOfJoinOptions, EnrichOptions, RegularJoinOptions, TemporalJoinOptions } from './graph/table-joins.js'
export type { AlignmentOptions, TimestampOptions } from './graph/timestamp-options.js'
export {
  bounded,
  type CustomWatermarkOptions,
  customWatermarks,
  ingestionTime,
  monotone,
  punctuated,
  sourceTime,
} from './graph/watermark-strategies.js'
export {
  type EmitOptions,
  type WindowAggregates,
  type WindowBounds,
  type WindowedResult,
  WindowedStream,
} from './graph/window-builder.js'
export {
  type CalendarOptions,
  type CustomAssigner,
  calendar,
  countWindow,
  customWindows,
  global,
  perRecordSliding,
  type RecordSlidingOptions,
  type SessionOptions,
  type SliceWindows,
  session,
  sliding,
  tumbling,
  type WindowAssigner,
  type WindowOptions,
} from './graph/windowing.js'
export type { HostAggregate } from './operators/aggregates/accumulator.js'
export {
  Aggregate,
  type AggregateCall,
  approxCountDistinct,
  type CustomAggregate,
  collectList,
  collectSet,
  count,
  countDistinct,
  customAggregate,
  first,
  last,
  max,
  maxBy,
  mean,
  min,
  minBy,
  quantile,
  quantiles,
  stddev,
  stringJoin,
  sum,
  topN,
  variance,
  weightedMean,
} from './operators/aggregates/aggregate.js'
export { hostAggregate } from './operators/aggregates/host-aggregate.js'
export type { Timers } from './operators/process/process-context.js'
export type { FiredTimer } from './operators/process/process-settings.js'
export {
  type AggregatingFunctions,
  aggregatingState,
  type FoldingState,
  type ListState,
  listState,
  type MapState,
  mapState,
  reducingState,
  type StateDescriptor,
  type StateOptions,
  type StateTtl,
  type ValueState,
  valueState,
} from './operators/process/state-descriptors.js'
export type { RejectedRow } from './operators/rejected-rows.js'
export type { Sink, SinkContext, SinkWriter } from './operators/sink.js'
export type { Source, SourceBatch, SourceContext, SourceReader } from './operators/source.js'
export type { LateReason } from './operators/time/explain-late.js'
export type { IngestionTime, SourceTime } from './operators/time/timestamp-values.js'
export type { WatermarkStrategy } from './operators/time/watermark-strategy.js'
export type { ErrorPolicy } from './operators/user-function.js'
export { after, type Condition, type EarlyAndLate } from './operators/windows/conditions.js'
export type { WindowRecord } from './operators/windows/contents.js'
export { type EvictOptions, type Evictor, evict } from './operators/windows/evictor.js'
export type { PaneSettings } from './operators/windows/keyed-windows.js'
export type { Pane, PaneTiming } from './operators/windows/pane.js'
export { type PaneInfo, pane } from './operators/windows/pane-fields.js'
export type { Trigger, TriggerContext, TriggerMergeContext, TriggerResult } from './operators/windows/trigger.js'
export { trigger } from './operators/windows/trigger-names.js'
export type { ProcessContext } from './operators/windows/window-function.js'
export type { Accumulation } from './operators/windows/window-operator.js'
export type { Clock, Environment } from './runtime/environment.js'
export { type CheckpointOptions, type ExecuteOptions, execute } from './runtime/execute.js'
export type {
  JobEvent,
  JobHandle,
  JobMetrics,
  JobResult,
  JobStatus,
  OperatorMetrics,
  StopOptions,
} from './runtime/job-handle.js'
export {
  type ExponentialDelayOptions,
  exponentialDelay,
  failureRate,
  fixedDelay,
  noRestart,
  type RestartStrategy,
} from './runtime/restart-strategy.js'
export type { ResumeOptions } from './runtime/start-point.js'
export type { Span, SpanAttributes, Tracer } from './runtime/tracing.js'
export {
  describeHolder,
  type InputWatermark,
  type OperatorWatermark,
  watermarkReport,
} from './runtime/watermark-report.js'
export { packCheckpoint, unpackCheckpoint } from './state/archive.js'
export { inspectCheckpoint, type Verification, verifyCheckpoint } from './state/checkpoint.js'
export type { CheckpointStorage } from './state/checkpoint-storage.js'
export { copyCheckpoint } from './state/copy-checkpoint.js'
export type { CheckpointManifest, OperatorSnapshotEntry, PartEntry } from './state/manifest.js'
export { MemoryCheckpointStorage } from './state/memory-storage.js'
