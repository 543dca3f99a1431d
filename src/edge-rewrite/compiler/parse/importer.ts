import { DiagnosticCode, Diagnostic, HeaderRule, Rule, RuleSet, Source } from '../model';

/** Thrown where something cannot be expressed; the importer makes a diagnostic of it and reads on. */
export class NotConvertible extends Error {
  constructor(public readonly code: DiagnosticCode, message: string) {
    super(message);
  }
}

/**
 * What is read of one file. Not-convertible lines are warnings, whatever they are worth to the caller, but for those that
 * keep visitors out: they are errors. Notes tell where a rule was taken over although something about it differs or has
 * no meaning here.
 */
export class Importer {
  public readonly rules: Rule[] = [];
  public readonly headers: HeaderRule[] = [];
  private readonly diagnostics: Diagnostic[] = [];
  private readonly noted = new Set<string>();

  constructor(private readonly file: string) {}

  public source(line: number, text: string): Source {
    return { file: this.file, line, text };
  }

  public warn(source: Source, code: DiagnosticCode, message: string): void {
    this.diagnostics.push({ source, severity: code === 'lost-access' ? 'error' : 'warning', code, message });
  }

  public note(source: Source, message: string): void {
    this.diagnostics.push({ source, severity: 'info', code: 'ignored', message });
  }

  /** Like `note`, at the first line concerned only. */
  public noteOnce(source: Source, message: string): void {
    if (!this.noted.has(message)) {
      this.noted.add(message);
      this.note(source, message);
    }
  }

  /** Reports what `convert` cannot express. True if it could. */
  public attempt(source: Source, convert: () => void): boolean {
    try {
      convert();
      return true;
    } catch (error) {
      if (!(error instanceof NotConvertible)) {
        throw error;
      }
      this.warn(source, error.code, error.message);
      return false;
    }
  }

  public ruleSet(): RuleSet {
    return { name: this.file, rules: this.rules, headers: this.headers, diagnostics: this.diagnostics };
  }
}

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without space around it. */
  readonly text: string;
}

/** The lines of a text that are neither blank nor a comment. */
export function contentLines(text: string): readonly Line[] {
  return text.split('\n')
    .map((line, index) => ({ number: index + 1, text: line.trim() }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
}
