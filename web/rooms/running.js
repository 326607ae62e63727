// SPDX-License-Identifier: Apache-2.0
// BatchNorm's running statistics: they follow batch by batch, and what inference makes of them is held beside training.
import { app, act, $, t, complain, make, refill, segment, format, em, isDark, isStill, isShown } from './app.js';
import { inputOf } from '../model/state.js';
import { nameAlong } from '../model/norms.js';
import { compute } from '../model/compute.js';
import { paletteOf } from '../draw/palette.js';
import { courses } from '../draw/charts.js';

const BATCH_PAUSE = 45;  // milliseconds between batches that come by themselves
let coming = 0;

/// BatchNorm of what has samples in number and no padding, which no running statistic knows of.
const canRun = () => app.state.norm === 'batch' && app.data.shape.length > 1 && !app.data.lengths && app.data.shape[0] > 1;
const halfOf = () => Math.max(1, app.data.shape[0] >> 1);

export function forget() {
  clearTimeout(coming);
  app.running?.destroy();
  app.running = null;
  app.history = [];
  app.state.mode = 'train';
}

/// {mean, variance} of each channel, once a batch was seen.
export const statistics = () => (app.running && app.history.length ? { mean: Array.from(app.running.mean()), variance: Array.from(app.running.variance()) } : null);

function train() {
  const { state, data, history } = app, x = inputOf(state, data, app.edits), { shape } = data, per = x.length / shape[0], size = halfOf(), batch = new Float32Array(size * per);
  app.running ??= app.core.batchNorm(shape[data.channel], data.channel, state.momentum, 10 ** state.eps);
  if (!history.length) history.push(Array.from(app.running.mean()));
  const first = history.length - 1;
  for (let s = 0; s < size; ++s) {
    const n = (first * size + s + Math.floor(first * size / shape[0])) % shape[0];
    batch.set(x.subarray(n * per, (n + 1) * per), s * per);
  }
  app.running.train(batch, [size, ...shape.slice(1)]);
  history.push(Array.from(app.running.mean()));
}

/// Takes as many batches, one after another, so that the lines are seen to follow.
function trainOn(batches) {
  clearTimeout(coming);
  try {
    if (isStill()) for (; batches > 1; --batches) train();
    train();
  } catch (error) {
    return complain(error);  // the layer's own sentence, as of a batch with one number a channel
  }
  act.update();
  if (batches > 1) coming = setTimeout(() => trainOn(batches - 1), BATCH_PAUSE);
}

/// How far inference's output of this batch is from training's: the mean of |difference|, by the core.
function mismatch() {
  const { core, state, data, result } = app;
  const inference = result.evaluating ? result : compute(core, { ...state, mode: 'eval' }, data, app.edits, statistics());
  const training = result.evaluating ? compute(core, { ...state, mode: 'train' }, data, app.edits, null) : result;
  return core.distance(training.batch.y, inference.batch.y);
}

export function drawRunning() {
  const { state, data, result, history } = app, box = $('running');
  if (isShown('running', history.length, app.running)) return;
  if (!canRun()) return box.replaceChildren(make('p', { class: 'note' }, t('running.only')));
  const palette = paletteOf(isDark()), colors = [palette.a, palette.litInk, palette.b], go = (mode) => () => { state.mode = mode; act.update(); };
  const momentum = make('input', { type: 'range', id: 'momentum', min: 0.01, max: 1, step: 0.01 }), shown = make('output', { for: 'momentum' }, String(state.momentum));
  momentum.value = state.momentum;
  momentum.addEventListener('input', () => { shown.textContent = momentum.value; });
  // Another momentum is another layer: it sees the same batches again.
  momentum.addEventListener('change', () => {
    const seen = history.length - 1, { mode } = state;
    forget();
    state.momentum = Number(momentum.value);
    for (let k = 0; k < seen; ++k) train();
    if (seen > 0) state.mode = mode;
    act.update();
  });
  const nodes = [make('p', { class: 'note' }, t('running.text')), make('div', { class: 'segments' }, make('button', { type: 'button', id: 'run-next', onclick: () => trainOn(1) }, t('running.next')), make('button', { type: 'button', id: 'run-many', onclick: () => trainOn(20) }, t('running.many')),
    make('button', { type: 'button', id: 'run-fresh', onclick: () => { forget(); act.update(); } }, t('running.fresh')), segment(t('running.train'), state.mode === 'train', go('train'), { id: 'run-train' }), segment(t('running.eval'), state.mode === 'eval', go('eval'), { id: 'run-eval', ...(history.length ? {} : { disabled: '' }) })),
    make('div', { class: 'knob narrow' }, make('label', { for: 'momentum' }, t('momentum'), shown), momentum)];
  if (history.length) {
    const lines = result.measured.slice(0, 3).map((m, c) => ({ values: history.map((mean) => mean[c]), target: m.mean, color: colors[c], label: nameAlong(data.channel, data, data.shape.map((_, k) => (k === data.channel ? c : 0)), t) })), gap = mismatch();
    const picture = courses(lines, { width: Math.max(300, box.clientWidth / em()), dark: isDark(), title: t('running'), format: (v) => format(v, 3) });
    nodes.push(picture, act.savers('running', picture), make('p', {}, t('running.count', { n: history.length - 1, size: halfOf() })),
      make('label', { for: 'mismatch' }, t('running.mismatch', { gap: format(gap, 3) })), make('meter', { id: 'mismatch', min: 0, max: 2, low: 0.1, high: 0.5, optimum: 0, value: Math.min(2, gap) }));
  }
  refill(box, ...nodes);
}
