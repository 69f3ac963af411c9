import type { WindowGeometry } from '../../core/window-geometry.js'
import type { OperatorContext } from '../operator.js'
import type { Assigner } from '../windows/assigner.js'
import type { JoinSidesSettings } from './join-sides.js'
import { type FiredWindow, type JoinWindows, joinWindows } from './join-windows.js'
import { type SideRow, type Snapshotted, TwoSided } from './two-sided.js'

export interface WindowedSidesSettings extends JoinSidesSettings {
  readonly assigner: () => Assigner
  readonly geometry: WindowGeometry | undefined
}

/** Two inputs whose rows are kept in windows until these fire: what window joins and co-groups share. */
export abstract class WindowedSides extends TwoSided {
  private readonly windows: JoinWindows

  constructor(context: OperatorContext, settings: WindowedSidesSettings, results: Snapshotted) {
    super(context, settings, results)
    this.windows = joinWindows(context.kernel, settings.assigner(), settings.geometry)
  }

  override gauges(): Readonly<Record<string, number>> {
    return { openWindows: this.windows.count, ...super.gauges() }
  }

  override close(): void {
    this.windows.close()
    super.close()
  }

  /** Puts the results of windows that fire out; each step of the iterator does a bounded amount of work. */
  protected abstract fired(windows: Iterable<FiredWindow>, watermark: number): Generator<void, void, void>

  protected override add(row: SideRow, timestamp: number, watermark: number): boolean {
    return this.windows.add(row, timestamp, watermark)
  }

  /** Of windows that had fired before the snapshot nothing comes again. */
  protected override restoreRow(row: SideRow, timestamp: number, _flag: number, watermark: number): void {
    this.windows.restore(row, timestamp, watermark)
  }

  protected override fire(watermark: number, before: number): Generator<void, void, void> {
    return this.fired(this.windows.fire(watermark), before)
  }
}
