// SPDX-License-Identifier: Apache-2.0
// Knobs: who is in the batch, shifts, contrast, an outlier, eps, weight, bias, padding; and by how much each sample moved.
import { app, act, $, t, make, refill, segment, format, fixed } from './app.js';
import { compute, membersOf } from '../model/compute.js';
import { movedBy } from '../model/compare.js';
import { nameAlong } from '../model/norms.js';
import { outside, AT_REST } from '../model/state.js';

const MOST_CHIPS = 12;
const KNOBS = [
  { key: 'shift', min: -3, max: 3, step: 0.05, shown: () => !app.data.by },
  { key: 'contrast', min: -6, max: 0, step: 0.1, shown: () => !app.data.by, text: (v) => (v <= -6 ? '0' : format(10 ** v, 2)) },
  { key: 'outlier', min: 0, max: 20, step: 0.1, shown: () => true },
  { key: 'eps', min: -8, max: 4, step: 0.1, shown: () => true, text: (v) => format(10 ** v, 2) },
  { key: 'weight', min: -2, max: 3, step: 0.05, shown: () => !app.data.by },
  { key: 'bias', min: -3, max: 3, step: 0.05, shown: () => !app.data.by },
  { key: 'vary', check: true, shown: () => !app.data.by },
  { key: 'undo', check: true, shown: () => !app.data.by && app.state.norm === 'batch' },
  { key: 'pads', check: true, shown: () => Boolean(app.data.lengths) },
];

const sampleName = (n) => nameAlong(0, app.data, [n, 0, 0, 0], t);

function toggle(n) {
  const { state, data } = app, out = outside(state, data);
  out.has(n) ? out.delete(n) : out.size < data.shape[0] - 1 && out.add(n);
  state.out = [...out].sort((a, b) => a - b).join('.');
  act.update();
}

/// Each sample a button: in the batch or out of it; beside it by how much its numbers moved.
export function drawMates() {
  const { state, data, result, core } = app, box = $('mates'), count = data.shape[0];
  box.hidden = Boolean(data.by) || count < 2;
  if (box.hidden) return;
  const out = outside(state, data), touched = out.size || state.shift || state.contrast || state.outlier || app.edits.size;
  let moved = null;
  if (touched && !result.evaluating) moved = movedBy(core, result, compute(core, { ...state, ...AT_REST, weight: state.weight, bias: state.bias, vary: state.vary, eps: state.eps, pads: state.pads }, data, new Map(), null));
  const most = Math.max(1e-6, ...(moved ?? []).filter((v) => !Number.isNaN(v)));
  const row = (n) => make('li', {}, segment(sampleName(n), !out.has(n), () => toggle(n), { 'data-key': `mate.${n}`, class: 'mate', ...(out.size === count - 1 && !out.has(n) ? { 'aria-disabled': 'true', title: t('mates.last') } : {}) }),
    make('span', { class: 'moved', 'data-moved': moved && !out.has(n) ? String(moved[n]) : '' }, out.has(n) ? t('mates.out') : moved ? (moved[n] === 0 ? t('mates.still') : t('mates.moved', { by: format(moved[n], 3) })) : ''),
    make('span', { class: 'bar', style: `--v:${moved && moved[n] > 0 ? Math.max(2, 100 * moved[n] / most) : 0}%` }));
  const list = make('ul', { class: 'mates' }, ...Array.from({ length: Math.min(count, MOST_CHIPS) }, (_, n) => row(n)));
  const more = [];
  if (count > MOST_CHIPS) {
    const slider = make('input', { type: 'range', id: 'knob-batch', min: 1, max: count, step: 1 });
    slider.value = count - out.size;
    slider.addEventListener('input', () => {
      state.out = Array.from({ length: count - Number(slider.value) }, (_, k) => Number(slider.value) + k).join('.');
      act.soon();
    });
    more.push(make('div', { class: 'knob' }, make('label', { for: 'knob-batch' }, t('mates.first'), make('output', {}, String(count - out.size))), slider));
  }
  refill(box, make('h3', {}, t('mates')), make('p', { class: 'note' }, t('mates.note')), list, ...more);
}

export function buildKnobs() {
  const { state } = app;
  refill($('knobs'), ...KNOBS.filter((k) => k.shown()).map((k) => {
    const id = `knob-${k.key}`;
    if (k.check) {
      const box = make('input', { type: 'checkbox', id, onchange: () => { state[k.key] = box.checked; act.update(); } });
      box.checked = state[k.key];
      return make('div', { class: 'knob' }, make('label', { class: 'check', for: id }, box, t(`knob.${k.key}`)));
    }
    const show = (v) => (k.text ? k.text(Number(v)) : format(Number(v), 3)), output = make('output', { for: id }, show(state[k.key]));
    const slider = make('input', { type: 'range', id, min: k.min, max: k.max, step: k.step, 'aria-valuetext': show(state[k.key]) });
    slider.value = state[k.key];
    slider.addEventListener('input', () => {
      state[k.key] = Number(slider.value);
      output.textContent = show(slider.value);
      slider.setAttribute('aria-valuetext', show(slider.value));
      act.soon();
    });
    return make('div', { class: 'knob' }, make('label', { for: id }, t(`knob.${k.key}`), output), slider);
  }), ...(app.data.by ? [make('p', { class: 'note' }, t('knob.table'))] : []), ...(app.data.by ? [] : [make('button', { type: 'button', id: 'rest', onclick: () => { Object.assign(state, AT_REST); app.edits.clear(); act.rebuild(); } }, t('knob.rest'))]));
}

/// What counting the padding does to the lit distribution.
export function drawPads(lit) {
  const { state, data, core, result } = app, box = $('pads');
  box.textContent = '';
  if (!data.lengths || !data.shape.length || result.evaluating || ['token', 'rms'].includes(state.norm) || lit < 0) return;
  const spreadWith = (pads) => {
    const r = pads === state.pads ? result : compute(core, { ...state, pads }, data, app.edits, null), first = result.ids.indexOf(lit), id = r.ids[first];
    return id < 0 ? NaN : core.shapeOf(membersOf(r, id).before).deviation;
  };
  const [without, counted] = [spreadWith(false), spreadWith(true)];
  if (Number.isFinite(without) && without > 0) box.textContent = t('pads.effect', { without: format(without, 3), counted: format(counted, 3), share: fixed(counted / without, 3) });
}
