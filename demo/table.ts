import type { DemoRow } from './room';

const COLUMNS = [
  ['input', 'input'],
  ['output', 'output'],
  ['failure', 'where a failure landed'],
  ['role', 'role'],
  ['time', 'time'],
] as const satisfies readonly (readonly [keyof DemoRow, string])[];

/** The rows as aligned text under a heading. */
export function renderTable(rows: readonly DemoRow[]): string {
  const cells = [COLUMNS.map(([, title]) => title), ...rows.map((row) => COLUMNS.map(([name]) => row[name] || '-'))];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  const lines = cells.map((line) => line.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd());
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.join('\n');
}
