/**
 * Decides at synth whether anything the pipeline writes can start it again. Pure.
 *
 * Relies on what the public classes check: prefixes are empty or end with '/' and hold no '..' segment, suffixes and
 * file names hold no '/', and a key has room behind any prefix.
 */

/** What starts the pipeline: keys with this prefix and one of these suffixes (lower case; none: any), in any case. */
export interface Trigger {
  readonly prefix: string;
  readonly suffixes: readonly string[];
}

/** Keys the pipeline writes: '<prefix><relative key>' as it is, or as a folder of these files. */
export interface Output {
  /** For the error message. */
  readonly what: string;
  readonly prefix: string;
  /** Absent: the relative key itself is the key, its suffix included. */
  readonly files?: readonly string[];
}

/** The first output some original makes match the trigger; all within one bucket. */
export function findLoop(trigger: Trigger, outputs: readonly Output[]): Output | undefined {
  return outputs.find((output) => reaches(trigger.prefix, output.prefix) && endsLikeOriginal(trigger.suffixes, output.files));
}

/**
 * Whether some key below `output` is also below `trigger`. Below 'img/' and triggered by 'img/originals/', the original
 * 'img/originals/originals/a.jpg' does it: its variants are 'img/originals/a.jpg/…'.
 */
export function reaches(trigger: string, output: string): boolean {
  return trigger.startsWith(output) || output.startsWith(trigger);
}

function endsLikeOriginal(suffixes: readonly string[], files: readonly string[] | undefined): boolean {
  if (suffixes.length === 0 || files === undefined) return true;
  return files.some((file) => suffixes.some((suffix) => file.toLowerCase().endsWith(suffix)));
}
