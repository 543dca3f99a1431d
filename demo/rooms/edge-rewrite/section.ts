import type { Scene } from './inputs';
import { traitsOf } from './traits';
import type { Visit } from './visitor';
import type { EdgeReport } from '../../../src';
import { LIMITS } from '../../../src/edge-rewrite/compiler/limits';
import { formatBytes, type Html, html, linkTo } from '../../html';

export interface ShownVisit extends Scene {
  readonly visit: Visit;
  /** Path of the screenshot relative to the page. */
  readonly file?: string;
}

export interface VariantVisit {
  readonly variant: string;
  /** The cookies of those who saw it. */
  readonly buckets: readonly string[];
  readonly visit: Visit;
  readonly file?: string;
}

export interface EdgeTour {
  readonly visits: readonly ShownVisit[];
  readonly variants: readonly VariantVisit[];
  readonly visitors: string;
  readonly report: EdgeReport;
  /** The report as text. */
  readonly text: string;
  readonly problems: readonly string[];
}

export function renderSection(tour: EdgeTour): Html {
  return html`<section aria-labelledby="edge-rewrite">
<h2 id="edge-rewrite">EdgeRewrite</h2>
<p>A site that moved: the rules of its former host and a few new ones became two CloudFront functions and a key value
store. nginx with njs, the engine of CloudFront functions, ran them as deployed in front of the deployed bucket; visits by
${tour.visitors}.</p>
${tour.problems.map((problem) => html`<p class="missing"><strong>Not as expected:</strong> ${problem}</p>`)}
${budgets(tour.report)}
<div class="visits">
${tour.visits.map(card)}
</div>
<h3>An experiment</h3>
<p>Everybody came twice. The cookie, set once, keeps a visitor with a variant.</p>
<div class="visits">
${tour.variants.map(variantCard)}
</div>
<article class="card">
<header><h3>What the rules really do</h3><p>the report at synth</p></header>
<pre tabindex="0"><code>${tour.text}</code></pre>
</article>
</section>`;
}

/** What the rules cost, and how much of it there may be. */
function budgets(report: EdgeReport): Html {
  const of = (value: number, limit: number) => html`<span class="bar"><i style="width:${Math.min(100, value / limit * 100).toFixed(1)}%"></i></span>`;
  const number = new Intl.NumberFormat('en');
  return html`<ul class="tiles">
<li><strong>${number.format(report.codeBytes)} B</strong>${of(report.codeBytes, LIMITS.codeBytes)}<span>viewer-request code, of ${number.format(LIMITS.codeBytes)}; viewer-response ${number.format(report.responseCodeBytes)}</span></li>
<li><strong>${number.format(report.opcodes)}</strong>${of(report.opcodes, LIMITS.opcodes)}<span>opcodes a request at most, of about ${number.format(LIMITS.opcodes)}; response ${number.format(report.responseOpcodes)}</span></li>
<li><strong>${report.maxReads}</strong>${of(report.maxReads, LIMITS.reads)}<span>look-ups a request at most, of ${LIMITS.reads}</span></li>
<li><strong>${formatBytes(report.dataBytes)}</strong>${of(report.dataBytes, LIMITS.storeBytes)}<span>in the store, of ${formatBytes(LIMITS.storeBytes)}: ${report.rules} rules in ${report.entries} entries</span></li>
</ul>`;
}

function card({ title, about, path, headers = {}, shown = [], visit, file }: ShownVisit): Html {
  const sent = Object.entries(headers).map(([name, value]) => html`<li>${name}: ${value}</li>`);
  const seen = shown.map((name) => html`<dt>${name}</dt><dd>${visit.headers[name] ?? 'missing'}</dd>`);
  return html`<article class="card">
<header><h3>${title}</h3></header>
${picture(file, title)}
<p><code>${path}</code></p>
${tags(traitsOf(visit))}
${sent.length === 0 ? '' : html`<ul class="tags">${sent}</ul>`}
<p class="clean">${about}</p>
${seen.length === 0 ? '' : html`<dl>${seen}</dl>`}
</article>`;
}

function variantCard({ variant, buckets, file }: VariantVisit): Html {
  return html`<article class="card">
<header><h3>Variant ${variant}</h3><p>${buckets.length} of the visitors</p></header>
${picture(file, `Variant ${variant}`)}
<p class="clean">Cookies: ${buckets.join(', ')} of 10,000.</p>
</article>`;
}

function picture(file: string | undefined, title: string): Html {
  return file === undefined ? html`` : html`<figure><a href="${linkTo(file)}"><img src="${linkTo(file)}" alt="Screenshot: ${title}" loading="lazy" width="720" height="460"></a></figure>`;
}

function tags(texts: readonly string[]): Html {
  return html`<ul class="tags">${texts.map((text) => html`<li>${text}</li>`)}</ul>`;
}
