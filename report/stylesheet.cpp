// SPDX-License-Identifier: Apache-2.0
#include "report/stylesheet.hpp"

namespace norma::report {

std::string_view picture_style() {
  return R"css(
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", "DejaVu Sans", "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif; fill: #1c2430; }
svg text.name { font-size: 14px; font-weight: 600; } svg text.strong { font-weight: 600; } svg text.small { font-size: 11px; }
svg text.faint { fill: #5b6673; } svg text.halo { paint-order: stroke; stroke: #fcfcfb; stroke-width: 4px; stroke-linejoin: round; } svg text.white { fill: #ffffff; } svg text.dark { fill: #2b1600; }
svg text.t0 { fill: #9c4a06; } svg text.t1 { fill: #1f5c9e; } svg text.t2 { fill: #0d6d60; } svg text.t3 { fill: #744591; }
.paper { fill: #fcfcfb; } .rule { stroke: #e2e6ea; fill: none; } .axis { stroke: #97a3ae; fill: none; }
.cell { stroke: #ffffff; stroke-width: .7; stroke-linejoin: round; }
.front { fill: #dde4eb; } .top { fill: #edf1f5; } .side { fill: #c5ced8; } .row { fill: #e6ebf0; }
.front.on, .row.on { fill: #f28c28; } .top.on { fill: #ffb566; } .side.on { fill: #cf6f14; }
.off { fill: #fcfcfb; stroke: #aab4bf; stroke-dasharray: 2 2; }
.part { stroke: #66737f; stroke-width: 1.4; stroke-linecap: round; fill: none; }
.s0 { stroke: #e07a12; fill: none; } .s1 { stroke: #2f6fb5; fill: none; } .s2 { stroke: #16877a; fill: none; }
.s3 { stroke: #8453a3; fill: none; } .s4 { stroke: #8a96a3; fill: none; }
.fill.s0 { fill: #e07a12; } .fill.s1 { fill: #2f6fb5; } .fill.s2 { fill: #16877a; } .fill.s3 { fill: #8453a3; } .fill.s4 { fill: #8a96a3; }
.soft.s0 { fill: #fbe3c8; } .soft.s1 { fill: #d6e5f5; } .soft.s2 { fill: #cfebe6; } .soft.s3 { fill: #e8dcf0; } .soft.s4 { fill: #e4e8ec; }
.thin { stroke-width: .8; } .thick { stroke-width: 2.2; stroke-linecap: round; } .line { stroke-width: 1.5; stroke-linecap: round; }
.pale { stroke-opacity: .45; } .fill { stroke: none; } .hollow { fill: #fcfcfb; stroke: #5b6673; stroke-width: .9; }
.same { fill: #f2a24e; } .self { fill: #b85c00; } .other { fill: #eef1f4; } .crossed { stroke: #4b5763; stroke-width: 1; fill: none; }
.kept { fill: #2f6fb5; } .tied { fill: #c3ccd5; } .reversed { fill: #f7d9c4; } .hatch { stroke: #b5420a; stroke-width: 1.2; fill: none; }
.pixels { image-rendering: pixelated; }
@media screen and (prefers-color-scheme: dark) {
  svg text { fill: #e6ebf0; } svg text.faint { fill: #9fabb7; } svg text.halo { stroke: #11161c; } svg text.dark { fill: #2b1600; } svg text.white { fill: #10151b; }
  svg text.t0 { fill: #f9ae62; } svg text.t1 { fill: #82b6ee; } svg text.t2 { fill: #5fcab8; } svg text.t3 { fill: #cba6e4; }
  .paper { fill: #11161c; } .rule { stroke: #2b343e; } .axis { stroke: #66737f; }
  .cell { stroke: #11161c; } .front { fill: #35414d; } .top { fill: #465463; } .side { fill: #28323c; } .row { fill: #2b353f; }
  .front.on, .row.on { fill: #f28c28; } .top.on { fill: #ffb566; } .side.on { fill: #c4690f; }
  .off { fill: #11161c; stroke: #5b6875; } .part { stroke: #a3afbb; }
  .s0 { stroke: #f49a3f; } .s1 { stroke: #6ea8e6; } .s2 { stroke: #4bbcaa; } .s3 { stroke: #bf95dc; } .s4 { stroke: #7d8a97; }
  .fill.s0 { fill: #f49a3f; } .fill.s1 { fill: #6ea8e6; } .fill.s2 { fill: #4bbcaa; } .fill.s3 { fill: #bf95dc; } .fill.s4 { fill: #7d8a97; }
  .soft.s0 { fill: #4a3015; } .soft.s1 { fill: #1d3450; } .soft.s2 { fill: #123d38; } .soft.s3 { fill: #372844; } .soft.s4 { fill: #2b343e; }
  .fill { stroke: none; } .hollow { fill: #11161c; stroke: #9fabb7; } .same { fill: #b36a1f; } .self { fill: #ffb566; } .other { fill: #1d252e; }
  .crossed { stroke: #aab6c2; } .kept { fill: #6ea8e6; } .tied { fill: #4b5763; } .reversed { fill: #4d2c18; } .hatch { stroke: #f49a6a; }
}
)css";
}

std::string_view page_style() {
  return R"css(
:root { color-scheme: light dark; --ink: #1c2430; --faint: #5b6673; --paper: #fcfcfb; --rule: #e2e6ea; --mark: #9c4a06; --kept: #1f5c9e;
  --reversed: #a83b06; --tint: #f5f3ef; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --faint: #9fabb7; --paper: #11161c; --rule: #2b343e;
  --mark: #f9ae62; --kept: #82b6ee; --reversed: #f7a98a; --tint: #1a2129; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: auto; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.65 system-ui, -apple-system, "Segoe UI", Roboto,
  "Liberation Sans", "DejaVu Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif;
  overflow-wrap: break-word; }
body:lang(zh) { line-height: 1.8; }
main { display: grid; grid-template-columns: minmax(1.1rem, 1fr) minmax(0, 43rem) minmax(1.1rem, 1fr); padding: 4.5rem 0 6rem; }
main > * { grid-column: 2; }
h1, h2, h3 { line-height: 1.22; font-weight: 650; text-wrap: balance; }
h1:lang(zh), h2:lang(zh), h3:lang(zh) { word-break: keep-all; overflow-wrap: anywhere; }
h1 { font-size: clamp(1.7rem, 1.3rem + 1.8vw, 2.3rem); letter-spacing: -.022em; margin: 0 0 1.1rem; }
h2 { font-size: clamp(1.35rem, 1.15rem + 1.1vw, 1.75rem); letter-spacing: -.015em; margin: 0 0 .9rem; padding-top: 3.2rem; border-top: 1px solid var(--rule); margin-top: 4.2rem; }
h3 { font-size: 1.16rem; margin: 2.8rem 0 .6rem; }
p { margin: 0 0 1.05rem; } p.lead { font-size: clamp(1.1rem, 1rem + .5vw, 1.3rem); line-height: 1.6; margin-bottom: 1.4rem; }
p.faint, figcaption, summary, .source { color: var(--faint); font-size: .9rem; line-height: 1.55; }
p.faint:lang(zh), figcaption:lang(zh) { line-height: 1.7; }
strong { font-weight: 650; } code { white-space: nowrap; font: .9em ui-monospace, "DejaVu Sans Mono", monospace; background: var(--tint); padding: .1em .3em; border-radius: 3px; }
nav { margin: 1.2rem 0 0; } nav ol { list-style: none; margin: 0; padding: 0; display: grid; gap: .35rem; } a { color: var(--kept); text-underline-offset: .18em; }
nav a { text-decoration: none; } nav a:hover, nav a:focus-visible { text-decoration: underline; }
figure { margin: 1.9rem 0 2.3rem; } figure.wide { grid-column: 1 / -1; justify-self: center; width: min(100% - 2.2rem, 78rem); }
.pictures { display: flex; flex-wrap: wrap; gap: 2.2rem 3rem; justify-content: center; align-items: flex-start; }
.pictures svg { display: block; flex: 1 1 20rem; min-width: 0; max-width: 26.5rem; height: auto; overflow: visible; }
.pictures.few svg { flex-basis: 24rem; } .pictures.small { column-gap: 2.4rem; } .pictures.four { max-width: 47rem; margin: 0 auto; } .pictures.small svg { flex: 1 1 15.5rem; max-width: 21.5rem; } figure:not(.wide) .pictures svg { max-width: 31rem; }
figcaption { max-width: 43rem; margin: 1.1rem auto 0; }
details { max-width: 43rem; margin: .7rem auto 0; } summary { cursor: pointer; width: fit-content; }
summary:hover { color: var(--ink); } :focus-visible { outline: 2px solid var(--kept); outline-offset: 3px; border-radius: 2px; }
.scroll { overflow-x: auto; margin: 1.2rem 0 1.7rem; } details .scroll { margin: .7rem 0 1rem; }
table { word-break: keep-all; border-collapse: collapse; font-size: .92rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
th, td { padding: .38rem 1.1rem .38rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--rule); font-weight: 400; }
thead th { color: var(--faint); font-size: .84rem; vertical-align: bottom; } .number { text-align: right; } td.number { white-space: nowrap; }
tr > :last-child { padding-right: 0; } tbody tr:last-child > * { border-bottom: 0; }
.marked { color: var(--mark); font-weight: 600; } .kept-text { color: var(--kept); font-weight: 600; } .reversed-text { color: var(--reversed); font-weight: 600; }
td .faint, td.faint { color: var(--faint); } td.strong, th.strong { font-weight: 600; }
footer { margin-top: 3.5rem; padding-top: 1.1rem; border-top: 1px solid var(--rule); color: var(--faint); font-size: .85rem; }
@media (max-width: 30rem) { main { padding-top: 2.2rem; } h2 { margin-top: 3rem; padding-top: 2.2rem; } table { font-size: .85rem; } th, td { padding-right: .75rem; } }
@media print { @page { margin: 16mm 15mm; } :root { color-scheme: light; } body { font-size: 10pt; line-height: 1.5; background: none; } main { display: block; padding: 0; }
  h1 { font-size: 22pt; } h2 { font-size: 15pt; margin-top: 1.6rem; padding-top: 1.1rem; break-after: avoid; } h3 { font-size: 11.5pt; margin-top: 1.4rem; break-after: avoid; }
  p { orphans: 3; widows: 3; } figure, figure.wide { width: 100%; margin: 1rem 0; break-inside: avoid; } nav, details { display: none; }
  .pictures { gap: 1.2rem 1.6rem; } .pictures svg, .pictures.few svg { flex: 0 1 46%; max-width: 46%; } .pictures.small svg { flex: 0 1 29%; max-width: 29%; } .pictures.four svg { flex: 0 1 38%; max-width: 38%; }
  figure:not(.wide) .pictures svg { flex-basis: 60%; max-width: 60%; } .scroll { overflow: visible; break-inside: avoid; } table { font-size: 8.5pt; } }
)css";
}

}  // namespace norma::report
