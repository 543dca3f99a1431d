import { Access } from './access';
import { Diagnostic, DiagnosticCode, EmittedFunction, Report, StoreData, Tier } from './model';
import { NormalRule } from './normalise';
import { Table } from './table';

interface Parts {
  readonly tier: Tier;
  readonly rules: readonly NormalRule[];
  readonly headerRules: number;
  readonly request?: EmittedFunction;
  readonly response?: EmittedFunction;
  readonly table: Table;
  readonly data?: StoreData;
  readonly access?: Access;
  readonly accessReads: number;
  readonly diagnostics: readonly Diagnostic[];
}

const LIMIT_CODES: readonly DiagnosticCode[] = ['code-size', 'value-size', 'key-size', 'store-size', 'reads', 'opcodes', 'header-names', 'policy', 'tier'];
const IMPORT_CODES: readonly DiagnosticCode[] = ['syntax', 'unsupported', 'unknown-option', 'line-too-long', 'ignored', 'lost-access'];

export function reportOf({ tier, rules, headerRules, request, response, table, data, access, accessReads, diagnostics }: Parts): Report {
  const of = (...codes: readonly DiagnosticCode[]) => diagnostics.filter(({ code }) => codes.includes(code));
  return {
    tier,
    rules: rules.length,
    headerRules,
    codeBytes: request?.bytes ?? 0,
    responseCodeBytes: response?.bytes ?? 0,
    opcodes: request?.opcodes ?? 0,
    responseOpcodes: response?.opcodes ?? 0,
    entries: table.entries.length,
    dataBytes: data?.bytes ?? table.entries.reduce((sum, { key, value }) => sum + key.length + value.length + 2, 0),
    maxReads: Math.max(...table.reads) + accessReads,
    readsByDepth: table.reads.map((reads) => reads + accessReads),
    shapes: [...new Set(table.forms.flat())],
    protectedPaths: access?.protectedPaths ?? [],
    unreachable: of('unreachable', 'shadowed-by-file'),
    duplicates: of('duplicate'),
    loops: of('loop'),
    chains: of('chain'),
    notConvertible: of(...IMPORT_CODES),
    limits: of(...LIMIT_CODES),
  };
}
