// SPDX-License-Identifier: Apache-2.0
// Rank lines, histograms, the table of all norms, the claims and the bits: drawn when the finger rests.
import { app, act, $, t, make, format, fixed, em, isDark } from './app.js';
import { membersOf } from '../model/compute.js';
import { compareNorms, MOST_COMPARED } from '../model/compare.js';
import { checkClaims } from '../model/claims.js';
import { distributionName } from '../model/norms.js';
import { hashOf } from '../model/core.js';
import { rankLines, histograms } from '../draw/charts.js';
import { paletteOf } from '../draw/palette.js';
import { place } from './element.js';
import { normLabel } from './choices.js';

const LONG = 20000;  // elements whose pairs are counted in more than a blink

const some = (list, most) => list.filter((_, k) => k % Math.max(1, Math.ceil(list.length / most)) === 0);

/// Another distribution to hold beside the lit one: that of a pin, or the next.
function otherOf(lit) {
  const { state, result } = app, pinned = [state.a, state.b].find((i) => i >= 0 && i < result.ids.length && result.ids[i] >= 0 && result.ids[i] !== lit);
  return pinned === undefined ? result.ids.find((id) => id >= 0 && id !== lit) : result.ids[pinned];
}

export function drawCharts(lit) {
  const { state, result, core } = app, width = Math.max(280, $('ranks').clientWidth / em()), dark = isDark(), palette = paletteOf(dark), other = otherOf(lit);
  const mine = membersOf(result, lit), theirs = other === undefined ? { places: [], before: [], after: [] } : membersOf(result, other), heads = [t('before'), t('after')];
  const members = [...some(mine.places, 12).map((i) => ({ i, color: palette.litInk })), ...some(theirs.places, 8).map((i) => ({ i, color: palette.soft, dash: true }))].filter(({ i }) => i !== state.a && i !== state.b);
  for (const pin of ['a', 'b']) if (state[pin] >= 0 && state[pin] < result.x.length && result.ids[state[pin]] >= 0) members.push({ i: state[pin], color: palette[pin], bold: true, short: pin.toUpperCase() });
  for (const m of members) m.label = place(m.i);
  if (members.length) {
    const drawn = rankLines(result.x, result.y, members, { width, dark, format: (v) => format(v, 3), title: t('ranks'), heads });
    $('ranks').replaceChildren(drawn.svg, make('p', {}, t('ranks.count', { lines: members.length, crossings: drawn.crossings })));
  }
  if (!mine.places.length) return $('shape').replaceChildren();
  const m = result.moments[lit], root = Math.sqrt(m.m2 / m.count + result.options.eps) || 1, shapes = [core.shapeOf(mine.before), core.shapeOf(mine.after)], middle = mine.after.reduce((s, v) => s + v / mine.after.length, 0);
  const start = mine.before.reduce((s, v) => s + v / mine.before.length, 0);
  $('shape').replaceChildren(histograms([{ head: t('before'), lit: mine.before, other: theirs.before, mean: start, deviation: shapes[0].deviation }, { head: t('after'), lit: mine.after, other: theirs.after, mean: Math.abs(middle) < 1e-5 ? 0 : middle, deviation: shapes[1].deviation || Math.sqrt(m.m2 / m.count) / root }],
    { width, dark, format: (v) => format(v, 3), title: t('shape') }));
  const row = (label, values, digits) => make('tr', {}, make('th', { scope: 'row' }, label), ...values.map((v) => make('td', {}, digits === undefined ? format(v) : fixed(v, digits))));
  $('shape-table').replaceChildren(make('table', { class: 'slim' }, make('thead', {}, make('tr', {}, make('th', {}, distributionName(mine.places[0], state, app.data, t)), ...heads.map((h) => make('th', { scope: 'col' }, h)))),
    make('tbody', {}, row(t('mean'), [start, Math.abs(middle) < 1e-5 ? 0 : middle]), row(t('deviation'), shapes.map((s) => s.deviation)), row(t('skewness'), shapes.map((s) => s.skewness), 2), row(t('kurtosis'), shapes.map((s) => s.kurtosis), 2))));
  $('shape-note').textContent = t('shape.note', { other: theirs.places.length ? distributionName(theirs.places[0], state, app.data, t) : '–' });
}

let counted = {};  // the last table: pointing at another element asks for the same again
function* rowsOfTable() {
  const { core, state, data, edits, result } = app, { eps, groups, out, pads } = state, key = JSON.stringify([eps, groups, out, pads, data.shape]), { x } = result;
  if (counted.x === x && counted.key === key) return counted.found;
  const counting = compareNorms(core, { ...state }, data, new Map(edits)), of = [data.id, data.title, data.level].join(), fresh = counted.of !== of;
  for (;;) {
    const { value, done } = counting.next();
    if (done) return (counted = { x, key, of, found: value }).found;
    if (fresh && x.length > LONG) $('table').replaceChildren(make('p', { class: 'note' }, t('table.counting', { done: value[0], all: value[1] })));
    yield;
  }
}

export function* drawTable() {
  const { state, data } = app;
  if (data.x.length > MOST_COMPARED) return $('table').replaceChildren(make('p', { class: 'note' }, t('table.large', { most: MOST_COMPARED.toLocaleString('en') })));
  const { kinds, rows } = yield* rowsOfTable(), cell = (v) => (Number.isNaN(v) ? '–' : make('span', {}, v.toFixed(3), make('span', { class: 'bar', style: `--v:${100 * v}%` })));
  const angle = rows.some((r) => 'angle' in r), keep = (r) => (r.norm === 'token' && data.shape.length === 2 ? 'keep.token2' : r.norm === 'world' && !data.by ? 'keep.all' : `keep.${r.norm}`);
  const name = (r) => make('th', { scope: 'row' }, make('button', { type: 'button', class: 'link', 'data-key': `row.${r.norm}`, onclick: () => act.choose({ norm: r.norm }) }, normLabel(r.norm)), ...(r.norm === 'group' ? [make('small', {}, ` ${t('groups.n', { n: state.groups })}`)] : []));
  const focused = document.activeElement?.dataset?.key;
  $('table').replaceChildren(make('table', {},
    make('thead', {}, make('tr', {}, ...['table.norm', 'table.count', 'table.within', 'table.across', ...kinds, ...(angle ? ['table.angle'] : []), 'table.keeps', 'table.loses'].map((k) => make('th', { scope: 'col' }, t(k))))),
    make('tbody', {}, ...rows.map((r) => make('tr', r.norm === state.norm ? { class: 'now' } : {}, name(r), make('td', {}, r.distributions.toLocaleString('en')), make('td', {}, cell(r.within)), make('td', {}, cell(r.across)), ...r.kinds.map((v) => make('td', {}, cell(v))),
      ...(angle ? [make('td', {}, `${r.angle.toFixed(1)}°`)] : []), make('td', {}, t(keep(r))), make('td', {}, t(keep(r).replace('keep', 'lose'))))))));
  if (focused?.startsWith('row.')) $('table').querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
}

const SIGNS = { holds: '✓', only: '◐', fails: '✗', none: '·' };

/// Each sentence with its verdict and number; `show` takes the reader to a state that shows it.
export function* drawClaims(lit) {
  const { core, state, data, result } = app, found = yield* checkClaims(core, state, data, result, lit, app.edits), focused = document.activeElement?.dataset?.key;
  $('claims').replaceChildren(...found.map(({ key, verdict, values, show }) =>
    make('li', { 'data-claim': key, 'data-verdict': verdict }, make('span', { class: `tag ${verdict === 'fails' ? 'bad' : verdict === 'holds' ? 'good' : ''}` }, `${SIGNS[verdict]} ${t(`verdict.${verdict}`)}`), make('q', {}, t(`claim.${key}`)),
      make('p', {}, values ? t(`claim.${key}.text`, values) : t('claim.elsewhere'), ...(show ? [' ', make('button', { type: 'button', class: 'link', 'data-key': `show.${key}`, 'aria-label': `${t('claim.show')}: ${t(`claim.${key}`)}`, onclick: () => act.show(show) }, t('claim.show'))] : [])))));
  if (focused?.startsWith('show.')) $('claims').querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
}

export async function drawBits() {
  const { result } = app, { y } = result.batch, hash = globalThis.crypto?.subtle ? await hashOf(y) : '–';
  if (result === app.result) $('bits').replaceChildren(`${t('bits', { count: y.length.toLocaleString('en'), ms: result.ms.toFixed(1) })} `, make('code', { id: 'hash' }, hash));
}
