/** Finished HTML; everything else that goes into a page is text and gets escaped. */
export class Html {
  constructor(public readonly text: string) {}
}

type Part = string | number | Html | readonly Html[];

/** A template tag that escapes every value unless it is HTML already. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(String.raw({ raw: literals }, ...parts.map(textOf)));
}

function textOf(part: Part): string {
  if (part instanceof Html) {
    return part.text;
  }
  return typeof part === 'object' ? part.map(({ text }) => text).join('\n') : escape(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&#39;' };

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** The relative address of a file below the page; file names may hold anything. */
export function linkTo(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** '1.2 MB', '34 kB', '120 B'; powers of 1,000, as browsers count. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) {
    return `${bytes} B`;
  }
  return bytes < 999_500 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** '812 ms', '1.4 s'. */
export function formatTime(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
