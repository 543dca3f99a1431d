/** A restore that cannot be as things are: another attempt without a change fails alike. Everything else may pass. */
export class RestoreRefused extends Error {
  public override readonly name = 'RestoreRefused';
}
