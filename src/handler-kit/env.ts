/**
 * Reads the variables a handler was promised by its contract. Called at module level, so that a missing one fails
 * the start of the environment and not the first event.
 *
 * The empty string counts as present: optional variables that are not in use are set to it.
 *
 * @throws one error naming every missing variable
 */
export function readEnv<const N extends readonly string[]>(
  names: N,
  source: Readonly<Record<string, string | undefined>> = process.env,
): Record<N[number], string> {
  const missing = names.filter((name) => source[name] === undefined);
  if (missing.length > 0) {
    throw new Error(`missing environment variables: ${missing.join(', ')}`);
  }
  return Object.fromEntries(names.map((name) => [name, source[name]])) as Record<N[number], string>;
}
