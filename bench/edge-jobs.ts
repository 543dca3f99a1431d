/** What one measured process of the comparison of routers is asked to do, and what it answers. */
import type { Mix } from './edge-rules';

export type EdgeJob =
  /** Times the compiler on a rule file; with `out` leaves what it made there, and in `${out}.table` for Lambda@Edge. */
  | { readonly kind: 'compile'; readonly mix: Mix; readonly count: number; readonly out?: string }
  | { readonly kind: 'match'; readonly contestant: string; readonly mix: Mix; readonly count: number; readonly file: string };

export interface CompileFigures {
  readonly cpuMs: number;
  /** Of the whole process. */
  readonly peakMb: number;
  /** What AUTO chooses. */
  readonly layout: 'inline' | 'key per rule' | 'buckets';
  readonly codeBytes: number;
  /** Of the import file; of the table in the code if inline. */
  readonly dataBytes: number;
  /** Import file laid out in buckets. */
  readonly denseBytes: number;
  /** Of all `from` and `to`. */
  readonly textBytes: number;
}

export interface MatchFigures {
  /** CPU time per match: median of nine samples. */
  readonly ns: number;
  /** Requests of a sample, all of whose answers were compared before. */
  readonly requests: number;
  readonly buildMs: number;
  readonly memoryMb: number;
}
