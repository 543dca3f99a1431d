import { HeaderOperation, Template } from '../model';
import { NotConvertible } from './importer';
import { hasControl } from './pattern';

/** Refuses what no response could carry. */
export function headerOperation(kind: HeaderOperation['kind'], name: string, value: Template): HeaderOperation {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
    throw new NotConvertible('invalid-header', `a header name consists of letters, digits and '-', got ${JSON.stringify(name)}`);
  }
  if (value.some((part) => 'text' in part && hasControl(part.text))) {
    throw new NotConvertible('invalid-header', `the value of header '${name}' has control characters`);
  }
  return { kind, name, value };
}
