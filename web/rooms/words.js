// SPDX-License-Identifier: Apache-2.0
// Words as vectors: what a norm does to their directions.
import { app, act, $, t, make, refill, format, fixed, em, isDark, isShown } from './app.js';
import { compareVectors } from '../model/compare.js';
import { arrows, cosineMatrix, turnBars } from '../draw/vectors.js';

let chosen = null;  // the pair whose cosine is read: two places in found.words

/// The pair that is read: the pins' words, or what was chosen here, or the word both sentences share.
function pairOf(found) {
  const { state, data } = app, number = (i) => found.words.indexOf(Math.floor(i / found.d)), pinned = [state.a, state.b].map((i) => (i < 0 ? -1 : number(i)));
  if (chosen && chosen.of === `${data.id}${data.title ?? ''}` && chosen.pins === `${state.a},${state.b}` && Math.max(...chosen.pair) < found.words.length) return chosen.pair;
  if (pinned[0] >= 0 && pinned[1] >= 0 && pinned[0] !== pinned[1]) return pinned;
  const shared = data.at ? data.at.map((w, n) => found.words.indexOf(n * data.shape[1] + w)) : [0, 1];
  return shared.every((k) => k >= 0 && k < found.words.length) ? shared : [0, Math.min(1, found.words.length - 1)];
}

function choosePair(found, pair) {
  const most = found.words.length - 1;
  chosen = { of: `${app.data.id}${app.data.title ?? ''}`, pins: `${app.state.a},${app.state.b}`, pair: pair.map((k) => Math.max(0, Math.min(most, k))) };
  drawWords();
}

function matrixBox(found, side, size, pair) {
  const title = `${t('words.cosines')}: ${t(side)}`, names = found.words.map(found.name), svg = cosineMatrix(found[side], { size, dark: isDark(), names, chosen: pair, title });
  const box = make('div', { class: 'matrix-box', tabindex: '0', role: 'group', id: `matrix-${side}`, 'aria-label': `${title}. ${t('words.keys')}` }, svg);
  const at = (event) => {
    const rect = svg.getBoundingClientRect(), unit = size / rect.width, cell = (size - 26) / found.words.length;
    return [(event.clientY - rect.top) * unit, (event.clientX - rect.left) * unit].map((v) => Math.floor((v - 26) / cell));
  };
  box.addEventListener('click', (event) => {
    const [r, c] = at(event);
    if (Math.min(r, c) >= 0 && Math.max(r, c) < found.words.length) choosePair(found, [r, c]);
  });
  box.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    choosePair(found, pair.map((k, n) => k + step[n]));
  });
  return make('figure', {}, make('figcaption', {}, t(side)), box, act.savers(`cosines-${side}`, svg));
}

export function drawWords() {
  const { result } = app, card = $('words-card');
  card.hidden = result.shape.length !== 3 || result.shape[2] < 2;
  if (card.hidden || isShown('words', app.state.a, app.state.b, chosen)) return;
  const found = compareVectors(app.core, result), width = Math.max(280, $('words').clientWidth / em()), count = found.words.length;
  if (count < 2) return $('words').replaceChildren(make('p', { class: 'note' }, t('words.few')));
  const pair = pairOf(found), [p, q] = pair, cosine = (side) => fixed(found[side].cosines[p * count + q], 3), names = pair.map((k) => found.name(found.words[k]));
  const turned = found.turns.filter((v) => !Number.isNaN(v)), size = Math.min(430, width < 560 ? width : (width - 30) / 2), heads = [t('before'), t('after')];
  const bars = turnBars(found, { width, dark: isDark(), title: t('words.turns'), format: (v) => fixed(v, 1) });
  const lines = arrows(found, [found.before, found.after], { width, dark: isDark(), heads, marked: pair, labels: { title: t('words.ones'), ones: t('words.axis'), rest: t('words.rest') }, format: (v) => format(v, 3) });
  refill($('words'),
    make('h3', {}, t('words.turns')), make('p', {}, t('words.turns.text', { mean: fixed(turned.reduce((a, b) => a + b, 0) / turned.length, 1), most: fixed(Math.max(...turned), 1) })), bars, act.savers('turns', bars),
    make('h3', {}, t('words.ones')), make('p', { class: 'note' }, t('words.ones.text')),
    lines, act.savers('ones', lines),
    make('h3', {}, t('words.cosines')), make('p', { class: 'big', id: 'cosine', 'aria-live': 'polite' }, t('words.pair', { p: names[0], q: names[1], before: cosine('before'), after: cosine('after') })),
    make('p', { class: 'note' }, t('words.keys')), make('div', { class: 'matrices' }, ...['before', 'after'].map((side) => matrixBox(found, side, size, pair))),
    ...(app.data.spelled ? [make('p', { class: 'note' }, t('own.spelled'))] : []));
}
