import { Token } from 'aws-cdk-lib';

/** What a JSON text says, to the last digit. */
export function parsedJson(name: string, json: string): unknown {
  let rounded: string | undefined;
  let value: unknown;
  try {
    value = parse(json, (_key, read, context) => {
      if (typeof read === 'number' && isRounded(read, context?.source)) rounded ??= context?.source;
      return read;
    });
  } catch {
    throw new Error(Token.isUnresolved(json) ? `'${name}' must be known at synth, got a token` : `'${name}' must be JSON, got '${json}'`);
  }
  if (rounded !== undefined) throw new Error(`'${name}' must have numbers of at most 15 digits, got ${rounded}; write longer ones as text`);
  return value;
}

/** Since Node.js 21 a reviver sees how a number was written. */
const parse = JSON.parse as (text: string, reviver: (key: string, value: unknown, context?: { readonly source?: string }) => unknown) => unknown;

/** Up to 15 digits always fit. */
function isRounded(value: number, source = ''): boolean {
  const digits = source.replace(/[eE].*$/, '').replace(/\D/g, '').replace(/^0+/, '');
  return digits.length > 15 && String(value) !== source;
}
