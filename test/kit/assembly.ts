import { existsSync } from 'fs';
import { join } from 'path';
import { Assembly, ClassType, InterfaceType, loadAssemblyFromPath, TypeKind } from '@jsii/spec';

const ROOT = join(__dirname, '../..');

/** The compiled public API. */
export function loadLibrary(): Assembly {
  if (!existsSync(join(ROOT, '.jsii'))) throw new Error("no compiled API at .jsii; run 'npx projen compile' first");
  return loadAssemblyFromPath(ROOT, false);
}

export function classes(assembly: Assembly): ClassType[] {
  return Object.values(assembly.types ?? {}).filter((type): type is ClassType => type.kind === TypeKind.Class);
}

export function structs(assembly: Assembly): InterfaceType[] {
  return Object.values(assembly.types ?? {}).filter((type): type is InterfaceType => type.kind === TypeKind.Interface && type.datatype === true);
}
