/** KinesisFanOut's sections. By themselves: `npx tsx bench/fan-out.ts [section…]`. */
import { loadavg } from 'node:os';
import { fanOutBundles } from './fan-out-bundles';
import { fanOutCost } from './fan-out-cost';
import { fanOutFaults } from './fan-out-faults';
import { kplDecoding } from './fan-out-kpl';
import { fanOutPolicies } from './fan-out-policies';
import { fanOutUnits } from './fan-out-units';
import { machine } from './measure';

export const KINESIS_FAN_OUT: Readonly<Record<string, () => Promise<string>>> = {
  'fan-out-faults': fanOutFaults,
  'fan-out-policies': fanOutPolicies,
  'fan-out-kpl': kplDecoding,
  'fan-out-cost': fanOutCost,
  'fan-out-units': fanOutUnits,
  'fan-out-bundles': fanOutBundles,
};

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !(name in KINESIS_FAN_OUT));
  if (unknown.length > 0) throw new Error(`sections are ${Object.keys(KINESIS_FAN_OUT).join(', ')}, got ${unknown.join(', ')}`);
  console.log(`Measured on ${machine()}, ${new Date().toISOString().slice(0, 10)}, load ${loadavg()[0].toFixed(1)} before.`);
  for (const name of names.length > 0 ? names : Object.keys(KINESIS_FAN_OUT)) {
    console.log(`\n${await KINESIS_FAN_OUT[name]()}`);
  }
}

if (require.main === module) {
  main(process.argv.slice(2)).catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
