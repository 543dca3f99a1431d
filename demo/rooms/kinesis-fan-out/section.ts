import type { FanOutCounts } from './traits';
import type { QuarantinedRecord, ReplayResult } from '../../../src/kinesis-fan-out/contract';
import { formatTime, type Html, html } from '../../html';

export interface DestinationReport extends FanOutCounts {
  readonly name: string;
  /** Records of the stream. */
  readonly events: number;
  /** What lies there. */
  readonly found: number;
  readonly misplaced: number;
}

export interface FanOutReport {
  readonly events: number;
  readonly outage: { readonly from: number; readonly to: number };
  readonly destinations: readonly DestinationReport[];
  readonly poison: ReadonlyArray<{ readonly about: string; readonly data: string }>;
  readonly quarantine: readonly QuarantinedRecord[];
  readonly replayed: ReplayResult;
  readonly problems: readonly string[];
}

const ABOUT: Readonly<Record<string, string>> = {
  Lake: 'A bucket: lines of JSON in envelopes with their ids, cards masked.',
  State: 'A table: the last step of every order. One item for each, so fewer than events.',
  Mirror: 'Another stream, which takes everything as it is.',
  Paid: 'A FIFO queue that wants payments only.',
};

export function renderSection(report: FanOutReport): Html {
  const { destinations, events, outage, poison, problems, quarantine, replayed } = report;
  return html`<section aria-labelledby="kinesis-fan-out">
<h2 id="kinesis-fan-out">KinesisFanOut</h2>
<p>${count(events)} events of orders went through one stream to four places. From second ${outage.from} to ${outage.to} the queue
was deleted; ${poison.length} events were broken by their producers. Each destination has its own checkpoint, so nobody waited for the queue.</p>
<p>The stack was deployed as it is, and streams, bucket, table and queue are the emulator's. Its event source mappings repeat failed
batches in a way AWS does not, so they rested: this project's own simulator delivered, by the deployed settings and on a
simulated clock. Roles were not enforced here; what they allow is proven by tests.</p>
${problems.map((problem) => html`<p class="missing"><strong>Not as expected:</strong> ${problem}</p>`)}
<ul class="tiles">
${destinations.map(({ name, delivered }) => html`<li><strong>${count(delivered)}</strong><span>delivered to ${name}</span></li>`)}
</ul>
<div class="visits">
${destinations.map(destination)}
</div>
<h2>Put aside, with a reason</h2>
<p>A record that can never be delivered holds nobody up. It lies in the failure bucket, once for each destination that could not take it.</p>
<div class="visits">
${quarantine.map(quarantined)}
</div>
<article class="card">
<header><h3>Replayed to Lake</h3><p>${replayed.objects} objects, ${replayed.delivered} delivered</p></header>
<p>Lake's mask needs JSON. A deployment took the mask out; then the replay function delivered what had been put aside for Lake, with the
same ids, to Lake only. The quarantine of the others stays where it is.</p>
<details><summary>Answer of the replay function</summary><pre tabindex="0"><code>${JSON.stringify(replayed, undefined, 2)}</code></pre></details>
</article>
</section>`;
}

function destination(one: DestinationReport): Html {
  const { delivered, events, filtered, found, invocations, misplaced, name, quarantined: aside, unfinished, suppressed, workMs } = one;
  return html`<article class="card">
<header><h3>${name}</h3><p>${invocations} invocations, ${formatTime(workMs)}</p></header>
<p>${ABOUT[name]}</p>
<p class="clean"><strong>${count(events)} in = ${count(delivered)} delivered + ${count(filtered)} filtered + ${count(aside)} quarantined</strong></p>
<dl>
<dt>found there</dt><dd>${count(found)}</dd>
<dt>out of order or twice</dt><dd>${count(misplaced)}</dd>
<dt>handed back to the mapping while it was down</dt><dd>${count(unfinished)}</dd>
<dt>known from before and left out</dt><dd>${count(suppressed)}</dd>
</dl>
</article>`;
}

function quarantined({ attempts, code, destination: name, id, reason, record }: QuarantinedRecord): Html {
  return html`<article class="card refused">
<header><h4>${name}</h4><p>${attempts} calls</p></header>
<p class="reason">${reason}</p>
<p>${code}</p>
<dl><dt>id</dt><dd>${id}</dd><dt>bytes</dt><dd><code>${Buffer.from(record.kinesis.data, 'base64').toString()}</code></dd></dl>
</article>`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
