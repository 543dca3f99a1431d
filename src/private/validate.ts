import { Duration, Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

/** Checks that do nothing on undefined and on tokens: what is unknown at synth is CloudFormation's to judge. */
interface Range { readonly min: number; readonly max: number }

export function checkInteger(name: string, value: number | undefined, { min, max }: Range): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Error(`'${name}' must be a whole number from ${min} to ${max}, got ${value}`);
  }
}

export function checkNumber(name: string, value: number | undefined, { min, max }: Range): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  if (!(value >= min && value <= max)) {
    throw new Error(`'${name}' must be ${min} to ${max}, got ${value}`);
  }
}

export function checkDuration(name: string, value: Duration | undefined, min: Duration): void {
  if (value === undefined || value.isUnresolved()) return;
  if (value.toMilliseconds() < min.toMilliseconds()) throw new Error(`'${name}' must be at least ${min.toHumanString()}, got ${value.toHumanString()}`);
}

/** For what is computed with at synth. */
export function checkKnown(name: string, value: number | string | Duration | undefined): void {
  const unknown = value instanceof Duration ? value.isUnresolved() : Token.isUnresolved(value);
  if (unknown) throw new Error(`'${name}' must be known at synth, got a token`);
}

export function checkPattern(name: string, value: string | undefined, pattern: RegExp, allowed: string): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  if (!pattern.test(value)) throw new Error(`'${name}' must be ${allowed}, got '${value}'`);
}

export function checkUnique(name: string, values: readonly string[]): void {
  const repeated = values.find((value, i) => values.indexOf(value) !== i);
  if (repeated !== undefined) throw new Error(`'${name}' must not repeat a name, got '${repeated}' twice`);
}

/** An S3 key prefix: '' or 'a/b/'. Whole path segments only, so `img/` never reaches `img-internal/`. */
export function checkPrefix(name: string, value: string | undefined): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  const whole = value === '' || value.endsWith('/');
  const clean = !/[\p{Cc}*?]/u.test(value) && !value.split('/').some((segment) => segment === '.' || segment === '..');
  if (!whole || !clean || Buffer.byteLength(value) > 256) {
    throw new Error(`'${name}' must be empty or end with '/' and have at most 256 bytes and no '.' or '..' segment, '*', '?' or control character, got '${value}'`);
  }
}

export function checkNodeRuntime(runtime: lambda.Runtime | undefined): void {
  if (runtime === undefined || Token.isUnresolved(runtime.name)) return;
  const version = Number(/^nodejs(\d+)\.x$/.exec(runtime.name)?.[1] ?? 0);
  if (runtime.family !== lambda.RuntimeFamily.NODEJS || version < 22) {
    throw new Error(`'runtime' must be a Node.js runtime of version 22 or later, got ${runtime.name}`);
  }
}

/** Lambda's limit on all variables together. A token's value is not known yet: names and ARNs stay below this guess. */
export const TOKEN_BYTES = 128;
export const ENVIRONMENT_BYTES = 4096;

export function environmentBytes(environment: Record<string, string>): number {
  return Object.entries(environment)
    .reduce((sum, [name, value]) => sum + name.length + (Token.isUnresolved(value) ? TOKEN_BYTES : Buffer.byteLength(value)), 0);
}

export function checkEnvironment(environment: Record<string, string>): void {
  const bytes = environmentBytes(environment);
  if (bytes <= ENVIRONMENT_BYTES) return;
  const [largest] = Object.entries(environment).sort(([, a], [, b]) => b.length - a.length);
  throw new Error(`environment variables must take at most ${ENVIRONMENT_BYTES} bytes together, got ${bytes}, most of them in ${largest[0]}`);
}
