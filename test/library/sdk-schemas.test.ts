import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { droppableSchemas, withLiteralKeys } from '../../projenrc/sdk-schemas';

const CLIENTS = ['ec2', 's3', 'dynamodb', 'cloudformation', 'kinesis', 'sns'];

async function bundled(contents: string, options: esbuild.BuildOptions): Promise<string> {
  const { outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: join(__dirname, '../..') }, bundle: true, write: false, platform: 'node', mainFields: ['module', 'main'], ...options,
  });
  return outputFiles![0].text;
}

/** Every exported shape, its references as code. */
async function schemasOf(client: string, plugins: esbuild.Plugin[]): Promise<string> {
  const path = `./node_modules/@aws-sdk/client-${client}/dist-es/schemas/schemas_0.js`;
  const code = await bundled(`export * from '${path}'`, { format: 'cjs', plugins });
  const holder = { exports: {} };
  new Function('module', 'require', code)(holder, require);
  return JSON.stringify(Object.entries(holder.exports), (_, value: unknown) => typeof value === 'function' ? String(value) : value);
}

test.each(CLIENTS)('the schemas of client-%s stay what they are', async (client) => {
  const before = await schemasOf(client, []);
  expect(before.length).toBeGreaterThan(5000);
  expect(await schemasOf(client, [droppableSchemas])).toBe(before);
});

test('what no command in use refers to is dropped, what one refers to is not', async () => {
  const code = await bundled("export { DescribeSnapshotsCommand, EC2Client } from '@aws-sdk/client-ec2'", { format: 'esm', minify: true, plugins: [droppableSchemas] });
  for (const name of ['DescribeSnapshotsResult', 'transferType']) expect(code).toContain(`"${name}"`);
  for (const name of ['DescribeTransitGatewaysResult', 'transitGatewayId']) expect(code).not.toContain(`"${name}"`);
});

test('a key that is no string declared in the module is left alone', () => {
  expect(withLiteralKeys('const _a = "x";\nf({ [_a]: 1, [_b]: 2 }, [_a]);')).toBe('const _a = "x";\nf({ ["x"]: 1, [_b]: 2 }, [_a]);');
});
