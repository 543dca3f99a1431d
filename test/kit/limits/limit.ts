/** A real limit and where AWS says so. */
export interface Limit {
  readonly value: number;
  readonly unit: string;
  readonly source: string;
}

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
