import { Token } from 'aws-cdk-lib';

/** Rules become code and data at synth: nothing in them may wait for the deployment. */
export function checkKnown(name: string, ...values: (string | undefined)[]): void {
  if (values.some((value) => Token.isUnresolved(value))) {
    throw new Error(`'${name}' must be known at synth, got a token`);
  }
}
