import { CompileResult, Diagnostic, Report, RuleSet } from './compiler/model';

/** Something to know about one rule. */
export class EdgeFinding {
  /** @internal */
  public static _of({ source, severity, code, message }: Diagnostic): EdgeFinding {
    return new EdgeFinding(source.file, source.line, source.text ?? '', severity, code, message);
  }

  private constructor(
    /** File of the rule; of a rule in code the path of the construct; empty if it is about all of them. */
    public readonly file: string,
    /** Line of the rule, from 1; of a rule in code its position. */
    public readonly line: number,
    /** The rule as written. */
    public readonly text: string,
    /** 'warning' or 'info'; errors end the synthesis. */
    public readonly severity: string,
    /** What kind of finding, such as 'unreachable'. */
    public readonly code: string,
    /** What there is to know. */
    public readonly message: string,
  ) {}

  /** All on one line. */
  public toString(): string {
    const where = this.file === '' ? '' : `${this.file}:${this.line}: `;
    return `${where}${this.message}${this.text && ` | ${this.text}`}`;
  }
}

/** What the rules became, what they cost, and what they really do. */
export class EdgeReport {
  /** @internal */
  public static _of({ report, diagnostics }: CompileResult, sets: readonly RuleSet[]): EdgeReport {
    const key = ({ source, message }: Diagnostic) => `${source.file}:${source.line}:${message}`;
    const lost = new Set([...report.notConvertible, ...sets.flatMap((set) => set.diagnostics)].map(key));
    return new EdgeReport({ ...report, notConvertible: diagnostics.filter((one) => lost.has(key(one))) }, diagnostics);
  }

  /** 'inline', 'key-value-store' or 'lambda-edge'. */
  public readonly tier: string;
  /** Rules about paths. */
  public readonly rules: number;
  /** Rules about headers that depend on the request. */
  public readonly headerRules: number;
  /** Size of the viewer-request function. */
  public readonly codeBytes: number;
  /** Size of the viewer-response function. */
  public readonly responseCodeBytes: number;
  /** The most a request costs in the viewer-request function, in instructions of the engine. */
  public readonly opcodes: number;
  /** The most a request costs in the viewer-response function. */
  public readonly responseOpcodes: number;
  /** Keys of the table. */
  public readonly entries: number;
  /** Size of the table: in the code, the import file of the store, or the file of the Lambda function. */
  public readonly dataBytes: number;
  /** The most look-ups one request makes. */
  public readonly maxReads: number;
  /** The most look-ups by the number of segments of the path. */
  public readonly readsByDepth: number[];
  /** Look-ups by form besides the path itself. */
  public readonly shapes: string[];
  /** Protected paths, each with what a visitor needs there. */
  public readonly protectedPaths: string[];
  /** Rules that no request reaches. */
  public readonly unreachable: EdgeFinding[];
  /** Rules that repeat an earlier one. */
  public readonly duplicates: EdgeFinding[];
  /** Redirects that may go in a circle. */
  public readonly loops: EdgeFinding[];
  /** Redirects that lead to redirects. */
  public readonly chains: EdgeFinding[];
  /** Lines that were not taken over, or not entirely, and why. */
  public readonly notConvertible: EdgeFinding[];
  /** What comes near a limit. */
  public readonly limits: EdgeFinding[];
  /** All of these, by file and line. */
  public readonly findings: EdgeFinding[];

  private constructor(report: Report, diagnostics: readonly Diagnostic[]) {
    const findings = (of: readonly Diagnostic[]) => of.map((one) => EdgeFinding._of(one));
    this.tier = report.tier;
    this.rules = report.rules;
    this.headerRules = report.headerRules;
    this.codeBytes = report.codeBytes;
    this.responseCodeBytes = report.responseCodeBytes;
    this.opcodes = report.opcodes;
    this.responseOpcodes = report.responseOpcodes;
    this.entries = report.entries;
    this.dataBytes = report.dataBytes;
    this.maxReads = report.maxReads;
    this.readsByDepth = [...report.readsByDepth];
    this.shapes = [...report.shapes];
    this.protectedPaths = [...report.protectedPaths];
    this.unreachable = findings(report.unreachable);
    this.duplicates = findings(report.duplicates);
    this.loops = findings(report.loops);
    this.chains = findings(report.chains);
    this.notConvertible = findings(report.notConvertible);
    this.limits = findings(report.limits);
    this.findings = findings(diagnostics);
  }

  /** The report as text, a migration report among it: one finding a line. */
  public toString(): string {
    return [
      `${this.rules} rules and ${this.headerRules} header rules in tier ${this.tier}`,
      `code: ${this.codeBytes} + ${this.responseCodeBytes} bytes, at most ${this.opcodes} + ${this.responseOpcodes} opcodes`,
      `table: ${this.entries} entries, ${this.dataBytes} bytes, at most ${this.maxReads} look-ups`,
      ...this.protectedPaths.map((path) => `protected: ${path}`),
      ...this.findings.map((finding) => `${finding.severity} ${finding.toString()}`),
    ].join('\n');
  }
}
