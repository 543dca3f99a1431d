import { Component, awscdk, github } from 'projen';

const { JobPermission } = github.workflows;

/**
 * Actions run at the commit they were reviewed at: tags can be moved. The others are pinned by projen itself.
 * `git ls-remote <repository> <tag>` tells the commit of a newer tag.
 */
const PINNED_ACTIONS = {
  'actions/setup-node': '820762786026740c76f36085b0efc47a31fe5020', // v7.0.0
  'actions/setup-java': 'b6effb05e454b25005698d916606bdc6ffcbf961', // v5.7.0
  'actions/setup-python': '5fda3b95a4ea91299a34e894583c3862153e4b97', // v7.0.0
  'peter-evans/create-pull-request': '5f6978faf089d4d20b00c7766989d076bb2fc7f1', // v8.1.1
  'github/codeql-action/init': '8aad20d150bbac5944a9f9d289da16a4b0d87c1e', // v4.36.2
  'github/codeql-action/analyze': '8aad20d150bbac5944a9f9d289da16a4b0d87c1e', // v4.36.2
};

/** Steps get no token that outlives the checkout. */
const CHECKOUT: github.workflows.JobStep = {
  name: 'Checkout', uses: github.ActionRefs.ACTIONS_CHECKOUT, with: { 'persist-credentials': false },
};

const VERIFY: github.workflows.Job = {
  runsOn: ['ubuntu-latest'],
  timeoutMinutes: 45,
  permissions: { contents: JobPermission.READ },
  steps: [CHECKOUT, { name: 'Verify', run: '.ci/run' }],
};

/** What runs on GitHub. Every job reads only, unless it says otherwise. */
export class Release extends Component {
  constructor(project: awscdk.AwsCdkConstructLibrary) {
    super(project);
    const hub = project.github!;
    for (const [action, commit] of Object.entries(PINNED_ACTIONS)) {
      hub.actions.set(action, `${action}@${commit}`);
    }
    this.verify(hub);
    this.release(hub);
    this.codeql(hub);
    this.dependencyReview(hub);
    for (const workflow of hub.workflows) {
      workflow.file?.addOverride('permissions', { contents: 'read' });
    }
  }

  private verify(hub: github.GitHub) {
    const workflow = hub.addWorkflow('verify');
    workflow.on({ pullRequest: {}, push: { branches: ['main'] }, workflowDispatch: {} });
    workflow.addJob('verify', VERIFY);
  }

  /** projen's workflow builds and publishes; here nothing is built that was not verified, and the build cannot push. */
  private release(hub: github.GitHub) {
    const workflow = hub.tryFindWorkflow('release')!;
    workflow.addJob('verify', VERIFY);
    workflow.file?.addOverride('jobs.release.needs', 'verify');
    workflow.file?.addOverride('jobs.release.permissions.contents', 'read');
    // The tenth step publishes; the registry is the tool's default.
    workflow.file?.addDeletionOverride('jobs.release_npm.steps.9.env.NPM_REGISTRY');
  }

  private codeql(hub: github.GitHub) {
    const workflow = hub.addWorkflow('codeql');
    workflow.on({ pullRequest: {}, push: { branches: ['main'] }, schedule: [{ cron: '0 5 * * 1' }] });
    workflow.addJob('analyze', {
      runsOn: ['ubuntu-latest'],
      permissions: { contents: JobPermission.READ, securityEvents: JobPermission.WRITE },
      steps: [
        CHECKOUT,
        { name: 'Initialize', uses: 'github/codeql-action/init', with: { languages: 'javascript-typescript,actions' } },
        { name: 'Analyze', uses: 'github/codeql-action/analyze' },
      ],
    });
  }

  private dependencyReview(hub: github.GitHub) {
    const workflow = hub.addWorkflow('dependency-review');
    workflow.on({ pullRequest: {} });
    workflow.addJob('review', {
      runsOn: ['ubuntu-latest'],
      permissions: { contents: JobPermission.READ },
      steps: [CHECKOUT, { name: 'Review', uses: github.ActionRefs.ACTIONS_DEPENDENCY_REVIEW_ACTION }],
    });
  }
}
