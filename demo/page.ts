import { html, Html } from './html';

/** The whole page, in one file without scripts; pictures are linked relative to it. */
export function renderPage(sections: readonly Html[], madeAt: Date): string {
  const day = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeStyle: 'short' }).format(madeAt);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>cdk-lambda-blueprints: the demo</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header class="top">
<p class="brand">cdk-lambda-blueprints</p>
<h1>What the demo did</h1>
<p>The CDK CLI deployed the example app onto an emulator on this machine. Then real input arrived, and the constructs'
own bundled Lambda functions did the work under AWS's Node.js runtime client.</p>
<p><time datetime="${madeAt.toISOString()}">${day}</time></p>
</header>
<main>
${sections}
</main>
</body>
</html>
`.text;
}

const STYLE = `
:root {
  --ground: #f6f5f2; --card: #fff; --text: #1d1c1a; --soft: #5f5b55; --line: #dedbd5; --track: #eceae5;
  --accent: #14655a; --bad: #a3242b; --bad-ground: #fdf1f0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #151515; --card: #1f1f1e; --text: #eeece8; --soft: #aaa59d; --line: #383633; --track: #33312e;
    --accent: #6fd0bf; --bad: #ff9c97; --bad-ground: #2a1b1b;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.55 system-ui, sans-serif; }
.top, main { max-width: 76rem; margin: auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
.top { padding-top: 3rem; }
.top p { max-width: 62ch; color: var(--soft); }
.top .brand { margin: 0; color: var(--accent); font-weight: 600; letter-spacing: .01em; }
h1 { margin: .1em 0 .3em; font-size: clamp(2rem, 5vw, 3rem); line-height: 1.1; letter-spacing: -.02em; }
h2 { margin: 3.5rem 0 .4rem; font-size: 1.8rem; letter-spacing: -.015em; }
h3 { margin: 0; font-size: 1.2rem; overflow-wrap: anywhere; }
h4 { margin: 0; font-size: 1rem; }
section > p { max-width: 70ch; margin-top: 0; color: var(--soft); }
code, pre { font: .85em/1.5 ui-monospace, monospace; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem; margin: 1.5rem 0 2rem; padding: 0; list-style: none; }
.tiles li { padding: 1rem 1.2rem; background: var(--card); border: 1px solid var(--line); border-radius: .8rem; }
.tiles strong { display: block; font-size: 1.7rem; line-height: 1.2; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .9rem; }

.card { margin: 0 0 2rem; padding: clamp(1rem, 2.5vw, 1.8rem); background: var(--card); border: 1px solid var(--line); border-radius: 1rem; }
.card > header { display: flex; flex-wrap: wrap; gap: .2rem 1rem; align-items: baseline; justify-content: space-between; margin-bottom: 1.2rem; }
.card > header p { margin: 0; color: var(--soft); font-variant-numeric: tabular-nums; }
.split { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 2fr); gap: clamp(1rem, 3vw, 2rem); align-items: start; }
@media (max-width: 52rem) { .split { grid-template-columns: minmax(0, 1fr); } }

figure { margin: 0; }
figure a { display: block; }
figure a img { display: block; width: 100%; height: auto; }
figure img { border-radius: .5rem; background: var(--track); }
figcaption { margin-top: .5rem; font-size: .88rem; line-height: 1.4; color: var(--soft); font-variant-numeric: tabular-nums; }
figcaption strong { color: var(--text); }
.variants { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1.2rem 1rem; margin: 0; padding: 0; list-style: none; }
.variants li { align-self: end; }
.bar { display: block; height: .35rem; margin: .45rem 0 .3rem; border-radius: 1rem; background: var(--track); overflow: hidden; }
.bar i { display: block; height: 100%; min-width: 2px; border-radius: 1rem; background: var(--accent); }
.saved { color: var(--accent); font-weight: 600; }
.unturned { display: block; width: 6rem; margin: .8rem 0 .3rem; }
.clean { margin: 1.2rem 0 0; color: var(--soft); }
.tags { display: flex; flex-wrap: wrap; gap: .35rem; margin: .7rem 0 0; padding: 0; list-style: none; font-size: .82rem; }
.tags li { padding: .1rem .55rem; border: 1px solid var(--line); border-radius: 1rem; color: var(--soft); }

.visits { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1.5rem; margin: 1.2rem 0 2rem; }
.visits .card { margin: 0; }
.visits .card > header { margin-bottom: .8rem; }
.visits figure { margin-bottom: .8rem; }
.visits p { margin: 0; overflow-wrap: anywhere; }
.visits .clean { margin-top: .7rem; }
dl { margin: .8rem 0 0; font-size: .82rem; overflow-wrap: anywhere; }
dt { color: var(--soft); }
dd { margin: 0 0 .4rem; }

details { margin-top: 1.2rem; border-top: 1px solid var(--line); padding-top: .8rem; }
summary { cursor: pointer; color: var(--accent); font-weight: 600; }
pre { margin: .8rem 0 0; padding: 1rem; max-height: 28rem; overflow: auto; background: var(--ground); border: 1px solid var(--line); border-radius: .6rem; }

.refused { border-left: .35rem solid var(--bad); }
.refused .reason { display: inline-block; margin: 0 0 .6rem; padding: .15rem .7rem; border-radius: .4rem; background: var(--bad-ground); color: var(--bad); font-weight: 600; }
.refused p { margin: .3rem 0; max-width: 75ch; }
.missing { padding: 1rem 1.2rem; border: 1px solid var(--bad); border-radius: .8rem; color: var(--bad); background: var(--bad-ground); }
`;
