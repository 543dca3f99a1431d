import type { Manifest, PipelineMessage, Variant } from '../../../src/image-resize-pipeline/contract';
import { formatBytes, formatTime, type Html, html, linkTo } from '../../html';

export interface ImageReport {
  readonly resized: readonly ResizedPhoto[];
  readonly refused: readonly RefusedFile[];
  readonly problems: readonly string[];
}

interface Work {
  /** Key of the original. */
  readonly key: string;
  readonly bytes: number;
  readonly manifest: Manifest;
  /** The function's time, in milliseconds; a cold start's is part of it. */
  readonly workMs: number;
  readonly coldStart: boolean;
}

export interface ResizedPhoto extends Work {
  /** Path of the original relative to the page. */
  readonly file: string;
  /** What the original carries besides its pixels. */
  readonly traits: readonly string[];
  /** Path of a small copy with the pixels as they lie in the file, if EXIF turns them. */
  readonly unturned?: string;
  readonly variants: readonly ShownVariant[];
}

export interface ShownVariant extends Variant {
  /** Path relative to the page. */
  readonly file: string;
  readonly traits: readonly string[];
}

export interface RefusedFile extends Work {
  /** What this file is. */
  readonly about: string;
  /** What the failure topic delivered. */
  readonly message?: PipelineMessage;
}

export function renderSection(report: ImageReport): Html {
  return html`<section aria-labelledby="image-resize-pipeline">
<h2 id="image-resize-pipeline">ImageResizePipeline</h2>
<p>Every photograph uploaded to the source bucket became a set of variants and a manifest in the destination bucket.
Bars and percentages compare each variant with its original; smaller originals give fewer variants, nothing is enlarged.</p>
${report.problems.map((problem) => html`<p class="missing"><strong>Not as expected:</strong> ${problem}</p>`)}
${tiles(report)}
${report.resized.map(photo)}
${report.refused.length === 0 ? '' : html`<h2>Refused, with a reason</h2>
<p>A file that cannot or must not be decoded costs one short invocation. Its manifest says why, the failure topic
tells subscribers, and nothing retries for ever.</p>`}
${report.refused.map(refused)}
</section>`;
}

function tiles({ resized }: ImageReport): Html {
  if (resized.length === 0) {
    return html``;
  }
  const variants = resized.flatMap((one) => one.variants);
  const originals = sum(resized.map(({ bytes }) => bytes));
  const phone = sum(resized.map(lightestForPhones));
  return html`<ul class="tiles">
<li><strong>${resized.length}</strong><span>originals, ${formatBytes(originals)}</span></li>
<li><strong>${variants.length}</strong><span>variants, ${formatBytes(sum(variants.map(({ bytes }) => bytes)))} in all</span></li>
<li><strong>${formatBytes(phone)}</strong><span>for all of them on a phone, ${percent(phone, originals)} of the originals</span></li>
<li><strong>${formatTime(sum(resized.map(({ workMs }) => workMs)) / resized.length)}</strong><span>of Lambda per photograph, on average</span></li>
</ul>`;
}

function lightestForPhones({ bytes, variants }: ResizedPhoto): number {
  return Math.min(bytes, ...variants.filter(({ preset }) => preset === 'mobile').map((variant) => variant.bytes));
}

function photo(one: ResizedPhoto): Html {
  const { source, placeholder } = one.manifest;
  return html`<article class="card">
<header><h3>${one.key}</h3><p>${timeOf(one)} for ${one.variants.length} variants</p></header>
<div class="split">
<figure>
${picture(one.file, `Original of ${one.key}`, source, placeholder?.color)}
<figcaption><strong>Original</strong> ${source.width ?? '?'} × ${source.height ?? '?'}, ${source.format ?? '?'}, ${formatBytes(one.bytes)}
${tags(one.traits)}${unturned(one)}</figcaption>
</figure>
<div>
<ul class="variants">
${one.variants.map((variant) => html`<li>${shown(variant, one)}</li>`)}
</ul>
${cleaned(one)}
</div>
</div>
${json('Manifest', one.manifest)}
</article>`;
}

function unturned({ unturned: file, key }: ResizedPhoto): Html {
  return file === undefined ? html`` : html`<img class="unturned" src="${linkTo(file)}" alt="${key} as its pixels lie in the file">
Its pixels lie on their side; only EXIF says how to hold it.`;
}

function cleaned({ traits, variants }: ResizedPhoto): Html {
  const clean = traits.length > 0 && variants.every((variant) => variant.traits.length === 0);
  return clean ? html`<p class="clean">All variants stand upright, in sRGB, without metadata.</p>` : html``;
}

function shown(variant: ShownVariant, { key, bytes, manifest }: ResizedPhoto): Html {
  const share = Math.min(100, variant.bytes / bytes * 100);
  return html`<figure>
${picture(variant.file, `${key} as ${variant.preset}, ${variant.format}`, variant, manifest.placeholder?.color)}
<figcaption><strong>${variant.preset}</strong> ${variant.format}<br>${variant.width} × ${variant.height}
<span class="bar"><i style="width:${share.toFixed(1)}%"></i></span>
${formatBytes(variant.bytes)} <span class="saved">${saving(variant.bytes, bytes)}</span>
${tags(variant.traits)}</figcaption>
</figure>`;
}

/** Its place is kept and filled with its dominant colour until it is there, as a web page would do it. */
function picture(file: string, alt: string, size: { readonly width?: number; readonly height?: number }, color: string | undefined): Html {
  const place = size.width === undefined || size.height === undefined ? html`` : html` width="${size.width}" height="${size.height}"`;
  const backdrop = color === undefined ? html`` : html` style="background:${color}"`;
  return html`<a href="${linkTo(file)}"><img src="${linkTo(file)}" alt="${alt}" loading="lazy"${place}${backdrop}></a>`;
}

function refused(one: RefusedFile): Html {
  const { rejection } = one.manifest;
  return html`<article class="card refused">
<header><h3>${one.key}</h3><p>${formatBytes(one.bytes)}, refused in ${timeOf(one)}</p></header>
<p class="reason">${rejection?.reason ?? 'no reason given'}</p>
${[rejection?.detail ?? '', one.about].filter((text) => text !== '').map((text) => html`<p>${text}</p>`)}
${json('Manifest', one.manifest)}
${one.message === undefined ? '' : json('Message of the failure topic', one.message)}
</article>`;
}

function json(title: string, value: unknown): Html {
  return html`<details><summary>${title}</summary><pre tabindex="0"><code>${JSON.stringify(value, undefined, 2)}</code></pre></details>`;
}

function tags(traits: readonly string[]): Html {
  return traits.length === 0 ? html`` : html`<ul class="tags">${traits.map((trait) => html`<li>${trait}</li>`)}</ul>`;
}

function timeOf({ workMs, coldStart }: Work): string {
  return coldStart ? `${formatTime(workMs)} with a cold start` : formatTime(workMs);
}

/** '−93 %'; a variant may also turn out larger. */
function saving(bytes: number, original: number): string {
  const change = Math.round((bytes / original - 1) * 100);
  return change <= 0 ? `−${-change} %` : `+${change} %`;
}

function percent(part: number, whole: number): string {
  return `${Math.round(part / whole * 100)} %`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
