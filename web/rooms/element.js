// SPDX-License-Identifier: Apache-2.0
// The element that is pointed at, and the pair that is pinned: their numbers, and whether they may be compared.
import { app, act, $, t, make, rich, plainText, format, complain } from './app.js';
import { Refusal } from '../model/core.js';
import { placeOf, distributionName } from '../model/norms.js';

export const place = (i) => placeOf(i, app.data, t);
export const chip = (pin) => make('span', { class: `pin ${pin}` }, pin.toUpperCase());
const inside = (i) => i >= 0 && i < app.result.x.length;

/// The number of the distribution that is lit: of what is pointed at, or else the first (of the incomes, China's).
export function litOf() {
  const { state, result, data } = app;
  if (inside(state.at)) return result.ids[state.at];
  return data.by ? result.ids[data.names.indexOf('China')] : result.ids.find((id) => id >= 0);
}

export const spread = (m) => Math.sqrt(m.m2 / m.count);
export const centre = (m) => m.mean + m.meanLow;

/// {same, words, eval}: same is missing where there is no pair yet. words: keys of what is said.
export function verdict() {
  const { state: { a, b, norm, vary }, result, data } = app;
  if (!inside(a)) return null;
  if (!inside(b)) return { words: ['pair.one'] };
  if (result.ids[a] < 0 || result.ids[b] < 0) return { words: ['pair.pad'] };
  const same = result.ids[a] === result.ids[b], weights = same && vary && !data.by && result.weighted && !['batch', 'instance'].includes(norm);
  const before = Math.sign(result.x[a] - result.x[b]), after = Math.sign(result.y[a] - result.y[b]);
  const kind = same ? (weights ? 'weights' : 'same') : result.undone ? 'undone' : 'other', fate = before * after === 0 ? 'pair.tied' : `pair.${before === after ? 'kept' : 'reversed'}.${kind}`;
  return { same: (same && !weights) || kind === 'undone', words: [`pair.${kind}`, fate], kind, eval: result.evaluating };
}

const arrow = (i) => `${place(i)}: ${format(app.result.x[i])} → ${format(app.result.y[i], 3)}`;

/// The line above the pictures: the pair and its verdict, or else what is pointed at.
export function drawNow(lit) {
  const { state: { at, a, b }, result } = app, found = verdict();
  if (found && found.words.length > 1) {
    return $('now').replaceChildren(chip('a'), ` ${arrow(a)}  `, chip('b'), ` ${arrow(b)}. `, make('b', { class: found.same ? 'good' : 'bad' }, t(found.words[0])), ' ', plainText(t(found.words[1])));
  }
  const m = result.moments[lit];
  $('now').textContent = !inside(at) ? t('point.none') : result.ids[at] < 0 ? t('point.pad') : `${arrow(at)} (${result.options.centered ? `${t('mean')} ${format(m.mean)}` : t('about0')}, ${t('deviation')} ${format(spread(m))})`;
}

export function drawPoint(lit) {
  const { state, result, data, edits } = app, i = state.at, box = $('point'), title = () => make('p', { class: 'big' }, place(i));
  if (!inside(i)) return box.replaceChildren(make('p', { class: 'note' }, t('point.none')));
  if (result.ids[i] < 0) return box.replaceChildren(title(), make('p', {}, t('point.pad')));
  if (document.activeElement?.id === 'value' && box.dataset.at === String(i)) return;
  box.dataset.at = i;
  const m = result.moments[lit], { eps, centered } = result.options, mean = centered ? format(centre(m)) : '0';
  const input = make('input', { type: 'text', inputmode: 'decimal', value: String(Number(result.x[i].toPrecision(6))), id: 'value' });
  input.addEventListener('change', () => {
    const value = Number(input.value.replace('−', '-'));
    if (input.value.trim() === '' || !Number.isFinite(value) || Math.abs(value) > 3e38) return complain(new Refusal('refuse.value', { value: input.value.slice(0, 30) }));
    edits.set(i, value - (result.x[i] - (edits.get(i) ?? data.x[i])));  // what the knobs add stays added
    act.update();
  });
  const root = format(Math.sqrt(m.m2 / m.count + eps)), affine = result.weighted ? [make('br'), `× weight + bias = ${format(result.y[i])}`] : [];
  box.replaceChildren(title(),
    make('p', {}, `${t('belongs')} ${distributionName(i, state, data, t)}: `, result.evaluating ? `${t('running.used')}, ` : `${m.count.toLocaleString('en')} ${t('count')}, `, centered ? `${t('mean')} ${mean}, ` : `${t('about0')}, `, `${t('deviation')} ${format(spread(m))}`),
    make('p', { class: 'formula' }, `(x − ${t('mean')}) / √(${t('variance')} + eps)`, make('br'), `= (${format(result.x[i])} − ${mean}) / ${root} = ${format(result.plain[i])}`, ...affine),
    make('p', { class: 'edit' }, make('label', { for: 'value' }, `${t('point.change')} `), input, ' ', ...(edits.size ? [make('button', { type: 'button', id: 'undo-edits', onclick: () => { edits.clear(); act.update(); } }, t('point.undo'))] : [])));
}

/// What became of the difference and of the ratio of the two.
function distances(found) {
  const { state: { a, b }, result } = app, { x, y } = result, m = result.moments[result.ids[a]];
  const root = format(Math.sqrt(m.m2 / m.count + result.options.eps)), lines = [];
  if (found.kind === 'same') lines.push(t('pair.difference', { before: format(x[a] - x[b]), after: format(y[a] - y[b], 3), root }));
  else if (found.kind === 'other') lines.push(t('pair.difference.other', { before: format(x[a] - x[b]), after: format(y[a] - y[b], 3) }));
  if (x[b] !== 0 && y[b] !== 0) lines.push(t(result.options.centered ? 'pair.ratio' : found.kind === 'same' ? 'pair.ratio.kept' : 'pair.ratio', { before: format(x[a] / x[b], 3), after: format(y[a] / y[b], 3) }));
  return lines.map((line) => make('p', {}, line));
}

export function drawVerdict() {
  const found = verdict(), box = $('verdict'), { a, b } = app.state;
  if (!found) return box.replaceChildren(make('p', { class: 'note' }, t('pair.none')));
  const sure = found.words.length > 1, line = (pin, i) => make('p', {}, chip(pin), ` ${arrow(i)}`);
  box.replaceChildren(make('p', { class: `big ${found.same === undefined ? '' : found.same ? 'good' : 'bad'}` }, t(found.words[0])), line('a', a), ...(inside(b) ? [line('b', b)] : []),
    ...(sure ? [make('p', {}, ...rich(t(found.words[1]))), ...distances(found)] : []), ...(found.eval ? [make('p', { class: 'note' }, t('pair.eval'))] : []));
}

export function pin(i) {
  const { state } = app;
  if (i < 0) return;
  state.at = app.clicked = i;
  if (state.a !== i && state.b !== i) {
    if (state.a < 0) app.pinNext = 'a';
    else if (state.b < 0) app.pinNext = 'b';
    state[app.pinNext] = i;
    app.pinNext = app.pinNext === 'a' ? 'b' : 'a';
  }
  act.update();
  say();
}

/// What a screen reader hears of the element under the keys.
export function say() {
  const { state, result } = app, i = state.at, m = result.moments[litOf()], found = verdict();
  if (i < 0) return;
  $('say').textContent = result.ids[i] < 0 || !m ? `${place(i)}. ${t('point.pad')}` :
    t('spoken', { where: place(i), value: `${format(result.x[i])} → ${format(result.y[i])}`, name: distributionName(i, state, app.data, t), mean: format(centre(m)), deviation: format(spread(m)) }) +
    (found && found.words.length > 1 ? ' ' + found.words.map((w) => plainText(t(w))).join(' ') : '');
}
