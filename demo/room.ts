import type { Html } from './html';
import type { RecordedInvocation } from '../test/kit/lambda-host';

/** One room's part of the demo: feeds its deployed stack with real input and tells what came out. */
export interface DemoRoom {
  readonly stackName: string;
  run(world: DemoWorld): Promise<DemoResult>;
}

/** What a deployed room works with. */
export interface DemoWorld {
  /** Outputs of the room's stack. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Settings for SDK clients. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** Files of the user; none: the room takes its own. */
  readonly files: readonly string[];
  /** The page's directory; the room writes below it, and links are relative to it. */
  readonly out: string;
  /** Outputs of another stack. */
  outputsOf(stackName: string): Readonly<Record<string, string>>;
  /** Every ended invocation of any function, oldest first. */
  invocations(): readonly RecordedInvocation[];
  /** Name of the role a function runs under. */
  roleOf(functionName: string): string;
  /** A line of progress. */
  say(line: string): void;
}

export interface DemoResult {
  readonly section: Html;
  readonly rows: readonly DemoRow[];
  /** What was expected and did not happen. */
  readonly problems: readonly string[];
}

/** A line of the closing table. */
export interface DemoRow {
  readonly input: string;
  readonly output: string;
  /** Where a failure landed. */
  readonly failure: string;
  readonly role: string;
  readonly time: string;
}
