import { Component, awscdk } from 'projen';

/** Compiler, lint and packaging rules that hold for the whole repository. */
export class Quality extends Component {
  constructor(project: awscdk.AwsCdkConstructLibrary) {
    super(project);
    this.install(project);
    this.compile(project);
    this.lint(project);
    this.pack(project);
    this.jest(project);
  }

  /** No dependency runs code at installation: what these scripts would do is optional. */
  private install(project: awscdk.AwsCdkConstructLibrary) {
    project.package.addField('allowScripts', { '@parcel/watcher': false, 'esbuild': false, 'unrs-resolver': false });
  }

  private compile(project: awscdk.AwsCdkConstructLibrary) {
    // projen silences reserved words; they are breaking names for Python and Java users.
    project.compileTask.reset('jsii --fail-on-warnings --silence-warnings=metadata/missing-dev-dependency --compress-assembly');
    project.tsconfigDev.file.addOverride('include', [
      '.projenrc.ts', ...['src', 'test', 'projenrc', 'demo', 'bench', 'examples'].map((dir) => `${dir}/**/*.ts`),
    ]);
    // Examples name the library as its users do.
    project.tsconfigDev.file.addOverride('compilerOptions.paths', { 'cdk-lambda-blueprints': ['./src/index.ts'] });
    project.tsconfigDev.file.addOverride('exclude', ['**/node_modules', '**/cdk.out']);
  }

  private lint(project: awscdk.AwsCdkConstructLibrary) {
    const eslint = project.eslint!;
    eslint.addRules({
      '@typescript-eslint/no-explicit-any': 'error',
      'import/no-restricted-paths': ['error', { zones: ZONES }],
      'import/no-extraneous-dependencies': ['error', {
        devDependencies: [
          '**/test/**', 'projenrc/**', '.projenrc.ts', 'demo/**', 'bench/**', 'examples/**',
          // Bundled at library build: their dependencies never reach a consumer.
          'src/handler-kit/**', 'src/*/handlers/**',
        ],
        optionalDependencies: false,
        peerDependencies: true,
      }],
      '@stylistic/max-len': ['error', { code: 150, ignoreUrls: true, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreComments: true, ignoreRegExpLiterals: true }],
    });
    // They import the library by its name; the type checker resolves it.
    eslint.addOverride({ files: ['examples/**'], rules: { 'import/no-unresolved': 'off' } });
  }

  private pack(project: awscdk.AwsCdkConstructLibrary) {
    project.addGitIgnore('.jsii.*');
    project.addGitIgnore('/assets/');
    project.addGitIgnore('/.cache/');
    project.addGitIgnore('/.venv/');
    project.addGitIgnore('cdk.out/');
    project.addGitIgnore('/demo/out/');
    project.addGitIgnore('/THIRD-PARTY-LICENSES');
    project.addGitIgnore('/sbom.cdx.json');
    for (const path of [
      '/projenrc/', '/demo/', '/bench/', '/examples/', '/.cache/', '/.venv/', '/.ci/', '/rosetta/',
      '/CONTRIBUTING.md', '/.mergify.yml', '/.github/', '/lib/**/handlers/', '/lib/handler-kit/', 'cdk.out/', '/.projenrc.ts',
      '/tsconfig.json', '/tsconfig.dev.json', '*.tgz',
    ]) {
      project.addPackageIgnore(path);
    }
  }

  private jest(project: awscdk.AwsCdkConstructLibrary) {
    const config = project.jest!.config;
    config.testMatch = ['<rootDir>/test/**/*.test.ts'];
    config.modulePathIgnorePatterns = ['<rootDir>/(lib|dist|assets|\\.cache|cdk\\.out|\\.venv)/', '<rootDir>/test/kit/runtime/node_modules/'];
    config.watchPathIgnorePatterns = ['/node_modules/'];
    config.collectCoverage = false;
    config.globalSetup = config.globalTeardown = '<rootDir>/test/kit/temporary-files.ts';
    config.maxWorkers = 2;
    config.workerGracefulExitTimeout = 10_000; // a worker that loaded the CDK takes longer than the default to go
    config.testTimeout = 30_000;
  }
}

/** Who may import whom; the table of CONTRIBUTING.md as lint zones. */
const ZONES = [
  { target: './src/!(private|shared|handler-kit)/*.ts', from: './src/*/handlers', message: 'constructs never import handler code' },
  { target: './src/*/handlers', from: './src/private', message: 'handlers run without aws-cdk-lib' },
  { target: './src/*/handlers', from: './src/shared', message: 'handlers run without aws-cdk-lib' },
  { target: './src/handler-kit', from: './src', except: ['./handler-kit'], message: 'the handler kit knows no room' },
  { target: './src/private', from: './src', except: ['./private', './shared'], message: 'the synth kit knows no room' },
  { target: './src/shared', from: './src', except: ['./private', './shared'], message: 'the shared vocabulary knows no room' },
];
