import { ResponseRule } from './emit';
import { CompileOptions } from './model';
import { Table } from './table';

export function requestCost(_table: Table, _options: CompileOptions, _features: ReadonlySet<string>): number {
  return 0;
}

export function responseCost(_rules: readonly ResponseRule[], _features: ReadonlySet<string>): number {
  return 0;
}
