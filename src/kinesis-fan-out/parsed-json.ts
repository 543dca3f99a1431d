/** What a JSON text says. */
export function parsedJson(name: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error(`'${name}' must be JSON, got '${json}'`);
  }
}
