import { RECOVERY_REGION, SOURCE_REGION } from './stack';
import { parseSetId, type RestoreAnswer } from '../../../src/ebs-snapshot-dr/contract';
import { html, type Html } from '../../html';

export interface PointReport {
  readonly set: string;
  /** Of the instance. */
  readonly name: string;
  readonly completeAt: number;
  readonly consistency: string;
  readonly members: number;
  readonly deletedAt?: number;
  readonly reasons?: readonly string[];
}

export interface InstanceReport {
  readonly name: string;
  readonly points: readonly PointReport[];
}

export interface DisasterReport {
  readonly instances: readonly InstanceReport[];
  /** Of the oldest of the instances' newest recovery points. */
  readonly ages: ReadonlyArray<{ readonly at: number; readonly hours: number }>;
  readonly answer: RestoreAnswer;
  readonly status: string;
  readonly rpoHours: number;
  readonly startedAt: number;
  readonly darkAt: number;
  readonly restoredAt: number;
  readonly problems: readonly string[];
}

export function renderSection(report: DisasterReport): Html {
  const { answer, darkAt, instances, problems, restoredAt, rpoHours, startedAt, status } = report;
  const points = instances.flatMap((instance) => instance.points);
  const lost = Math.max(...answer.points.map(({ takenAt }) => darkAt - Date.parse(takenAt))) / 3_600_000;
  return html`<section aria-labelledby="ebs-snapshot-dr">
<h2 id="ebs-snapshot-dr">EbsSnapshotDr</h2>
<p>A shop in ${SOURCE_REGION} was snapshotted every 6 hours, and copied to ${RECOVERY_REGION}, from ${day(startedAt)} on. On ${day(darkAt)} its
Region went dark: no call there was answered any more. On ${day(restoredAt)} somebody restored it from what ${RECOVERY_REGION} had.</p>
<p>Both stacks were deployed as they are, and their functions ran in days of a virtual clock. Tables and bucket are the emulator's;
EC2 and CloudFormation are this project's own strict model of their documentation. Ticks came hourly, and in the dark the copy function
rested, which would have asked in vain. Roles were not enforced here; what they allow is proven by tests.</p>
${problems.map((problem) => html`<p class="missing"><strong>Not as expected:</strong> ${problem}</p>`)}
<ul class="tiles">
<li><strong>${points.length}</strong><span>recovery points</span></li>
<li><strong>${points.filter(({ deletedAt }) => deletedAt !== undefined).length}</strong><span>deleted by retention</span></li>
<li><strong>${lost.toFixed(1)} h</strong><span>of work lost, RPO ${rpoHours} h</span></li>
<li><strong>${answer.changes.length}</strong><span>resources restored, ${status}</span></li>
</ul>
<h3>Age of the newest recovery points</h3>
${ages(report)}
<h2>Recovery points, by instance</h2>
<p>Each at its scheduled time. Retention keeps the last 2, and the newest of 3 days; the newest copy of a volume and the last good set
stay whatever it says.</p>
${instances.map((instance) => timeline(instance, report))}
<h2>The restored stack</h2>
<div class="visits">
<article class="card"><header><h3>Change set</h3><p>${status}</p></header>
<dl>${answer.changes.map(({ action, logicalId, type }) => html`<dt>${action}</dt><dd>${logicalId}, <code>${type}</code></dd>`)}</dl>
<p class="clean">${answer.stack.split('/')[1] ?? answer.stack}</p></article>
<article class="card"><header><h3>Parameters</h3></header>
<dl>${Object.entries(answer.parameters).map(([name, value]) => html`<dt>${name}</dt><dd><code>${value}</code></dd>`)}</dl></article>
<article class="card"><header><h3>Recovery points used</h3></header>
<dl>${answer.points.map(({ consistency, set, takenAt }) => html`<dt>${set}</dt><dd>taken ${takenAt}, ${consistency}-consistent</dd>`)}</dl>
${answer.warnings.map((warning) => html`<p class="clean">${warning}</p>`)}</article>
</div>
</section>`;
}

const [WIDTH, HEIGHT, LEFT] = [960, 150, 34];

/** Where a time stands, from the first set to the restore. */
function across({ restoredAt, startedAt }: DisasterReport): (at: number) => number {
  return (at) => LEFT + (WIDTH - LEFT - 6) * (at - startedAt) / (restoredAt - startedAt);
}

function ages(report: DisasterReport): Html {
  const { ages: all, darkAt, rpoHours } = report;
  const x = across(report);
  const top = Math.max(rpoHours, ...all.map(({ hours }) => hours)) + 1;
  const y = (hours: number) => HEIGHT - 20 - (HEIGHT - 30) * hours / top;
  const line = all.map(({ at, hours }) => `${x(at).toFixed(1)},${y(hours).toFixed(1)}`).join(' ');
  const peak = Math.max(...all.filter(({ at }) => at < darkAt).map(({ hours }) => hours));
  return html`<article class="card"><figure>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="At most ${peak.toFixed(1)} hours until ${day(darkAt)}, then growing beyond ${rpoHours} hours">
<line x1="${LEFT}" x2="${WIDTH}" y1="${y(rpoHours)}" y2="${y(rpoHours)}" stroke="var(--bad)" stroke-dasharray="4 4"/>
<text x="0" y="${y(rpoHours) + 4}" font-size="12" fill="var(--bad)">RPO</text>
<text x="0" y="${y(0)}" font-size="12" fill="var(--soft)">0 h</text>
${dark(report, HEIGHT - 20)}
<polyline points="${line}" fill="none" stroke="var(--accent)" stroke-width="2"/>
</svg>
<figcaption>Told by the recovery Region alone: at most ${peak.toFixed(1)} hours while both Regions were there. After ${SOURCE_REGION} went dark it grew, and
beyond ${rpoHours} hours the alarm fires, as it would if the function that tells it had died.</figcaption>
</figure></article>`;
}

function dark(report: DisasterReport, height: number): Html {
  const from = across(report)(report.darkAt);
  return html`<rect x="${from.toFixed(1)}" y="0" width="${(WIDTH - from).toFixed(1)}" height="${height}" fill="var(--bad)" opacity=".12"/>
<text x="${(from + 6).toFixed(1)}" y="14" font-size="12" fill="var(--bad)">dark</text>`;
}

function timeline({ name, points }: InstanceReport, report: DisasterReport): Html {
  const x = across(report);
  const kept = points.filter(({ deletedAt }) => deletedAt === undefined);
  const deleted = points.filter(({ deletedAt }) => deletedAt !== undefined);
  const at = ({ set }: PointReport) => x(Date.parse(parseSetId(set).scheduledAt)).toFixed(1);
  return html`<article class="card">
<header><h3>${name}</h3><p>${kept.length} of ${points.length} recovery points are there, ${points[0].members} volumes each</p></header>
<svg viewBox="0 0 ${WIDTH} 44" role="img" aria-label="${kept.length} of ${points.length} recovery points of ${name}">
${dark(report, 44)}
<line x1="${LEFT}" x2="${WIDTH}" y1="28" y2="28" stroke="var(--line)"/>
${deleted.map((point) => html`<circle cx="${at(point)}" cy="28" r="6" fill="var(--card)" stroke="var(--soft)"><title>${about(point)}</title></circle>`)}
${kept.map((point) => html`<circle cx="${at(point)}" cy="28" r="8" fill="var(--accent)"><title>${about(point)}</title></circle>`)}
</svg>
<details><summary>What retention deleted, and why</summary>
<dl>${deleted.map((point) => html`<dt>${parseSetId(point.set).scheduledAt}</dt><dd>${about(point)}</dd>`)}</dl></details>
</article>`;
}

function about({ completeAt, consistency, deletedAt, reasons = [], set }: PointReport): string {
  const { instance, scheduledAt } = parseSetId(set);
  const fate = deletedAt === undefined ? '' : `; deleted ${day(deletedAt)}: ${reasons.join('; ').replaceAll(`${instance}@`, '')}`;
  return `${scheduledAt}, ${consistency}-consistent, complete at ${time(completeAt)}${fate}`;
}

function day(at: number): string {
  return `${new Date(at).toISOString().slice(5, 16).replace('T', ' ')}`;
}

function time(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}
