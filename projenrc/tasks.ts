import { Component, awscdk } from 'projen';

/** The command table of CONTRIBUTING.md. */
export class Tasks extends Component {
  constructor(project: awscdk.AwsCdkConstructLibrary) {
    super(project);
    const bundle = project.addTask('bundle', {
      description: 'Minify the blocks of edge functions; bundle all handlers into assets/, check size budgets, write licences and SBOM',
      steps: [{ exec: 'tsx projenrc/edge-blocks.ts' }, { exec: 'tsx projenrc/handler-bundles.ts' }],
    });
    project.preCompileTask.spawn(bundle);

    const rosetta = project.addTask('rosetta', {
      description: 'Compile every example of README and docstrings',
      exec: 'jsii-rosetta extract --compile --strict .',
    });
    project.postCompileTask.spawn(rosetta);

    const kit = project.addTask('kit', {
      description: 'Set up the verification kit: Lambda runtime client, Node 24, emulators (idempotent)',
      exec: 'tsx test/kit/setup.ts',
    });
    // No eslint --fix behind the tests: the build edits nothing. A release was verified before it is built.
    project.testTask.reset();
    // Not `test -z`: projen's shell does not know it, and skips the task on any error.
    project.testTask.addCondition('node -e "if (process.env.RELEASE) process.exit(1)"');
    project.testTask.spawn(kit);
    project.testTask.exec('jest --ci --testPathIgnorePatterns=/node_modules/ --testPathIgnorePatterns=\'test/library/(package|versions).test.ts\'', { receiveArgs: true });

    project.addTask('typecheck', {
      description: 'Type-check everything, tests and tools included (ts-jest only transpiles)',
      exec: 'tsc -p tsconfig.dev.json --noEmit',
    });
    project.addTask('lint', {
      description: 'ESLint without fixing',
      exec: 'eslint --ext .ts,.tsx --no-error-on-unmatched-pattern src test projenrc demo bench examples .projenrc.ts',
      env: { ESLINT_USE_FLAT_CONFIG: 'false', NODE_NO_WARNINGS: '1' },
    });
    project.addTask('demo', {
      description: 'Deploy the example app to the embedded emulator, feed it photographs, write an HTML page',
      steps: [{ spawn: 'kit' }, { spawn: 'bundle' }, { execArgs: ['tsx', 'demo/demo.ts'], receiveArgs: true }],
    });
    project.addTask('verify', {
      description: 'Set up and run everything CI runs; ends "N passed, N failed"',
      exec: 'tsx projenrc/verify.ts',
      receiveArgs: true,
    });
    project.addTask('verify:long', {
      description: 'The long seeded runs: 1,000+ fault schedules a handler, 10,000 interleavings and mutations, 100,000 pairs of rules and request a dialect, 1,000,000 redirects',
      exec: 'tsx projenrc/verify.ts --long',
      receiveArgs: true,
    });
    project.addTask('bench', {
      description: 'All benchmarks, ratios against named peers in the same run',
      exec: 'tsx bench/run.ts',
      receiveArgs: true,
    });
  }
}
