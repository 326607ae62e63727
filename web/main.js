// SPDX-License-Identifier: Apache-2.0
// The page: listens, changes the state, draws what follows from it.
import { translate } from './strings.js';
import { loadCore, hashOf, Refusal } from './core.js';
import { incomes, photos, sentences, readFiles, readText } from './data.js';
import { DEFAULTS, readState, writeState, normsOf, pooled, nameOf, compute, compareNorms, inputOf, indexOf } from './model.js';
import { layoutOf, tonesOf, drawBlock, rankLines, histograms, courses, paletteOf } from './draw.js';
import { checkClaims, placeOf } from './claims.js';
import { STEPS } from './guide.js';

const $ = (id) => document.getElementById(id);
const state = readState(location.hash);
if (!state.lang) state.lang = navigator.language?.startsWith('zh') ? 'zh' : 'en';
if (!state.theme) state.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
let core, data, ownData, result, tones, layouts, edits = new Map(), pinNext = 'a', solved = new Set(), running, history = [], slow = 0, playing = 0, clicked = -1;

const t = (key, values) => translate(state.lang, key, values);
/// How much larger than 16 pixels the page's letters are.
const em = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
const isDark = () => state.theme === 'dark';
const format = (v, digits = 4) => (Number.isFinite(v) ? (v !== 0 && (Math.abs(v) >= 1e6 || Math.abs(v) < 1e-3) ? v.toExponential(2) : Math.abs(v) >= 1000 ? Math.round(v).toLocaleString('en') : String(Number(v.toPrecision(digits)))).replace('-', '−') : '–');

/// An element with children that are text or elements: never markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) key.startsWith('on') ? element.addEventListener(key.slice(2), value) : element.setAttribute(key, value);
  element.append(...children);
  return element;
}
/// A string of the table, in which <b> alone is markup; what was filled in is text.
const rich = (text) => text.split(/(<b>.*?<\/b>)/).map((part) => (part.startsWith('<b>') ? make('b', {}, part.slice(3, -4)) : part));
const segment = (text, on, act, more = {}) => make('button', { type: 'button', 'aria-pressed': on, onclick: act, ...more }, text);

function complain(error) {
  $('error').hidden = !error;
  $('error').textContent = error ? (error instanceof Refusal ? error.message : `[page] ${error.message}`) : '';
}

// ---- What follows from the state ----

function openData() {
  data = state.data === 'images' ? photos(SAMPLES) : state.data === 'sentences' ? sentences(SAMPLES, state.level) : state.data === 'own' && ownData ? ownData : incomes(SAMPLES);
  if (state.data === 'own' && !ownData) state.data = 'incomes';
  const names = normsOf(data);
  if (!(state.norm in names) && !(state.norm.startsWith('axes') && !data.by)) state.norm = Object.keys(names)[0];
  // As many groups as were wished, or the next fewer that divide the channels.
  if (state.norm === 'group') while (data.shape[1] % state.groups) state.groups--;
  for (const pin of ['at', 'a', 'b']) if (state[pin] >= data.x.length) state[pin] = -1;
}

const litOf = () => (state.at >= 0 && state.at < result.ids.length ? result.ids[state.at] : data.by ? result.ids[data.names.indexOf('China')] : result.ids[0]);

function recompute() {
  if (!core) return;
  const began = performance.now(), previous = result;
  try {
    result = compute(core, state, data, edits, running && history.length ? { mean: Array.from(running.mean()), variance: Array.from(running.variance()) } : null);
    complain(null);
  } catch (error) {
    complain(error);
    if (previous?.data !== data) throw error;
    // What was refused is taken back: the page goes on showing what it says.
    result = previous;
    Object.assign(state, { norm: result.norm, groups: result.groups });
  }
  Object.assign(result, { data, groups: state.groups });
  result.ms = performance.now() - began;
  tones = tonesOf(result);
}

/// Draws all that must follow a finger at once; the rest follows when it rests.
function draw() {
  if (!result) return;
  const lit = litOf(), marks = { lit, at: state.at, a: state.a, b: state.b, dark: isDark() };
  const scale = em(), width = $('before').clientWidth / scale, key = [width, scale, data.id, data.title, result.shape, state.lang].join();
  if (layouts?.key !== key) layouts = { key, block: layoutOf(data, result.shape, width, t, scale) };
  const k = Math.min(2, Math.floor(state.stage)), f = state.stage - k, from = tones[k], to = tones[k + 1];
  const mixed = f === 0 ? from : f === 1 ? to : from.map((v, i) => v + (to[i] - v) * f);
  drawBlock($('before'), layouts.block, tones[0], result.ids, marks);
  drawBlock($('after'), layouts.block, mixed, result.ids, marks);
  drawNow(lit);
  drawPoint(lit);
  drawVerdict();
}

/// The line above the pictures: the pair and its verdict, or else what is pointed at.
function drawNow(lit) {
  const found = verdict(), { at, a, b } = state, value = (i) => `${placeOf(i, data, result.shape, t)}: ${format(result.x[i])} → ${format(result.y[i], 3)}`;
  const chip = (pin) => make('span', { class: `pin ${pin}` }, pin.toUpperCase());
  if (found && found.words.length > 1) {
    return $('now').replaceChildren(chip('a'), ` ${value(a)}  `, chip('b'), ` ${value(b)}. `, make('b', { class: found.same ? 'good' : 'bad' }, t(found.words[0])), ' ', t(found.words[1]).replace(/<\/?b>/g, ''));
  }
  const m = result.moments[lit];
  $('now').textContent = at < 0 || at >= result.x.length ? '' : result.ids[at] < 0 ? t('point.pad') : `${value(at)} (${result.options.centered ? `${t('mean')} ${format(m.mean)}` : t('about0')}, ${t('deviation')} ${format(Math.sqrt(m.m2 / m.count))})`;
}

function drawMade(lit) {
  const size = result.ids.reduce((n, id) => n + (id === lit), 0), one = result.distributions === 1;
  const name = state.norm.startsWith('axes') ? t('norm.axes') : normLabel(state.norm);
  $('made').replaceChildren(...rich(t(one ? 'made.one' : 'made', { name, count: result.distributions, size: size.toLocaleString('en') })));
}
const normLabel = (norm) => t(norm === 'token' && data.shape.length === 2 ? 'norm.token2' : `norm.${norm}`);

function drawPoint(lit) {
  const i = state.at, box = $('point');
  if (i < 0 || i >= result.x.length) return box.replaceChildren(make('p', { class: 'note' }, t('point.none')));
  if (result.ids[i] < 0) return box.replaceChildren(make('p', { class: 'big' }, placeOf(i, data, result.shape, t)), make('p', {}, t('point.pad')));
  const m = result.moments[lit], deviation = Math.sqrt(m.m2 / m.count + result.options.eps), centred = result.options.centered;
  const weighted = result.y !== result.plain;
  const input = make('input', { type: 'text', inputmode: 'decimal', value: String(Number(result.x[i].toPrecision(6))), id: 'value' });
  const commit = () => {
    const value = Number(input.value.replace('−', '-'));
    if (input.value.trim() === '' || !Number.isFinite(value)) return complain(new Refusal(`[value] '${input.value.slice(0, 30)}' is not a number; give one`));
    edits.set(i, value - (result.x[i] - (edits.get(i) ?? data.x[i])));  // what the knobs add stays added
    update();
  };
  input.addEventListener('change', commit);
  if (document.activeElement?.id === 'value' && box.dataset.at === String(i)) return;
  box.dataset.at = i;
  const low = m.mean + m.meanLow;
  box.replaceChildren(
    make('p', { class: 'big' }, placeOf(i, data, result.shape, t)),
    make('p', {}, result.evaluating ? `${t('running.used')}: ` : `${m.count.toLocaleString('en')} ${t('count')}, `, centred ? `${t('mean')} ${format(low)}, ` : `${t('about0')}, `, `${t('deviation')} ${format(deviation)}`),
    make('p', { class: 'formula' }, `(${format(result.x[i])} − ${centred ? format(low) : 0}) / ${format(deviation)} = ${format(result.plain[i])}`, ...(weighted ? [make('br'), `× weight + bias = ${format(result.y[i])}`] : [])),
    make('p', { class: 'edit' }, make('label', { for: 'value' }, `${t('point.change')} `), input, ' ', ...(edits.size ? [make('button', { type: 'button', onclick: () => { edits.clear(); update(); } }, t('point.undo'))] : [])));
}

function verdict() {
  const { a, b } = state, n = result.x.length;
  if (a < 0 || a >= n) return null;
  if (b < 0 || b >= n) return { words: ['pair.one'] };
  if (result.ids[a] < 0 || result.ids[b] < 0) return { words: ['pair.pad'] };
  const same = result.ids[a] === result.ids[b], weights = same && state.vary && !data.by && result.y !== result.plain && !['batch', 'instance'].includes(state.norm);
  const kind = same ? (weights ? 'weights' : 'same') : 'other', before = Math.sign(result.x[a] - result.x[b]), after = Math.sign(result.y[a] - result.y[b]);
  return { same: same && !weights, words: [`pair.${kind}`, before * after === 0 ? 'pair.tied' : `pair.${before === after ? 'kept' : 'reversed'}.${kind}`], eval: result.evaluating };
}

function drawVerdict() {
  const found = verdict(), box = $('verdict'), { a, b } = state;
  if (!found) return box.replaceChildren(make('p', { class: 'note' }, t('pair.none')));
  const line = (pin, i) => make('p', {}, make('span', { class: `pin ${pin}` }, pin.toUpperCase()), ` ${placeOf(i, data, result.shape, t)}: ${format(result.x[i])} → ${format(result.y[i], 3)}`);
  box.replaceChildren(make('p', { class: `big ${found.same === undefined ? '' : found.same ? 'good' : 'bad'}` }, t(found.words[0])), line('a', a), ...(b >= 0 ? [line('b', b)] : []),
    ...(found.words[1] ? [make('p', {}, ...rich(t(found.words[1])))] : []), ...(found.eval ? [make('p', { class: 'note' }, t('pair.eval'))] : []));
}

// ---- Below the block: drawn when the finger rests ----

const nameShort = (i) => (data.by ? t(data.names[i]) : placeOf(i, data, result.shape, t));
const spread = (list, most) => list.filter((_, k) => k % Math.max(1, Math.ceil(list.length / most)) === 0);

function drawCharts(lit) {
  const width = Math.max(300, $('ranks').clientWidth / em()), dark = isDark(), palette = paletteOf(dark), mine = [], others = [];
  const otherPin = [state.a, state.b].find((i) => i >= 0 && i < result.ids.length && result.ids[i] >= 0 && result.ids[i] !== lit);
  const other = otherPin === undefined ? result.ids.find((id) => id >= 0 && id !== lit) : result.ids[otherPin];
  result.ids.forEach((id, i) => (id === lit ? mine.push(i) : id === other && others.push(i)));
  const members = [...spread(mine, 12).map((i) => ({ i, color: palette.litInk })), ...spread(others, 8).map((i) => ({ i, color: palette.soft, dash: true }))].filter(({ i }) => i !== state.a && i !== state.b);
  for (const pin of ['a', 'b']) if (state[pin] >= 0 && state[pin] < result.x.length && result.ids[state[pin]] >= 0) members.push({ i: state[pin], color: palette[pin], bold: true });
  for (const m of members) m.label = nameShort(m.i);
  $('ranks').replaceChildren(rankLines(result.x, result.y, members, { width, dark, format: (v) => format(v, 3), title: t('ranks'), heads: [t('before'), t('after')] }));
  const before = mine.map((i) => result.x[i]), after = mine.map((i) => result.plain[i]);
  $('shape').replaceChildren(histograms(before, after, { width, dark, format: (v) => format(v, 3), title: t('shape'), heads: [t('before'), t('after')] }));
  const skew = (values) => {
    const mean = values.reduce((p, q) => p + q, 0) / values.length, moment = (k) => values.reduce((p, v) => p + (v - mean) ** k, 0) / values.length;
    return (moment(3) / moment(2) ** 1.5).toFixed(2);
  };
  $('shape-note').textContent = t('shape.note', { size: mine.length.toLocaleString('en'), skew: skew(before), skew2: skew(after) });
}

function drawTable() {
  const { kinds, rows } = compareNorms(core, state, data, edits), cell = (v) => (Number.isNaN(v) ? '–' : make('span', {}, v.toFixed(3), make('span', { class: 'bar', style: `--v:${100 * v}%` })));
  const angle = rows.some((r) => 'angle' in r);
  $('table').replaceChildren(make('table', {},
    make('thead', {}, make('tr', {}, ...['table.norm', 'table.count', 'table.within', 'table.across', ...kinds, ...(angle ? ['table.angle'] : []), 'table.keeps'].map((key) => make('th', { scope: 'col' }, t(key))))),
    make('tbody', {}, ...rows.map((r) => make('tr', r.norm === state.norm ? { class: 'now' } : {}, make('th', { scope: 'row' }, normLabel(r.norm)),
      ...(r.error ? [make('td', { colspan: 6 }, r.error)] : [make('td', {}, String(r.distributions)), make('td', {}, cell(r.within)), make('td', {}, cell(r.across)), ...r.kinds.map((v) => make('td', {}, cell(v))),
        ...(angle ? [make('td', {}, `${r.angle.toFixed(1)}°`)] : []), make('td', {}, t(`keep.${r.norm}`))]))))));
}

function drawClaims(lit) {
  $('claims').replaceChildren(...checkClaims(core, state, data, result, lit).map(({ key, verdict: v, values }) =>
    make('li', { 'data-claim': key, 'data-verdict': v }, make('span', { class: `tag ${v === 'fails' ? 'bad' : v === 'holds' ? 'good' : ''}` }, `${{ holds: '✓', only: '◐', fails: '✗', none: '·' }[v]} ${t(`verdict.${v}`)}`), make('q', {}, t(`claim.${key}`)),
      make('p', {}, key === 'across' && v === 'none' ? '–' : t(`claim.${key}.text`, values)))));
}

async function drawBits() {
  const now = result, hash = globalThis.crypto?.subtle ? await hashOf(result.y) : '–';
  if (now === result) $('bits').replaceChildren(`${t('bits', { count: now.y.length.toLocaleString('en'), ms: now.ms.toFixed(1) })} `, make('code', { id: 'hash' }, hash));
}

// ---- Knobs ----

const KNOBS = [
  { key: 'batch', min: 1, step: 1, max: () => data.shape[0], shown: () => !data.by && data.shape[0] > 1, value: () => (state.batch < 1 ? data.shape[0] : state.batch) },
  { key: 'shift', min: -3, max: () => 3, step: 0.05, shown: () => !data.by },
  { key: 'outlier', min: 0, max: () => 20, step: 0.1, shown: () => true },
  { key: 'eps', min: -8, max: () => 4, step: 0.1, shown: () => true, text: (v) => `10^${Number(v).toFixed(1)}` },
  { key: 'weight', min: -2, max: () => 3, step: 0.05, shown: () => !data.by },
  { key: 'bias', min: -3, max: () => 3, step: 0.05, shown: () => !data.by },
  { key: 'groups', min: 1, max: () => data.shape[1], step: 1, shown: () => state.norm === 'group' },
  { key: 'vary', check: true, shown: () => !data.by },
  { key: 'pads', check: true, shown: () => Boolean(data.lengths) },
];

function buildKnobs() {
  $('knobs').replaceChildren(...KNOBS.filter((k) => k.shown()).map((k) => {
    const id = `knob-${k.key}`;
    if (k.check) {
      const box = make('input', { type: 'checkbox', id, onchange: () => { state[k.key] = box.checked; update(); } });
      box.checked = state[k.key];
      return make('div', { class: 'knob' }, make('label', { class: 'check', for: id }, box, t(`knob.${k.key}`)));
    }
    const show = (v) => (k.text ? k.text(v) : format(Number(v), 3)), value = k.value?.() ?? state[k.key], output = make('output', { for: id }, show(value));
    const slider = make('input', { type: 'range', id, min: k.min, max: k.max(), step: k.step });
    slider.value = value;
    slider.addEventListener('input', () => {
      state[k.key] = k.key === 'batch' && Number(slider.value) === data.shape[0] ? 0 : Number(slider.value);
      output.textContent = show(slider.value);
      soon();
    });
    return make('div', { class: 'knob' }, make('label', { for: id }, t(`knob.${k.key}`), output), slider);
  }), ...(data.by ? [make('p', { class: 'note' }, t('knob.table'))] : []));
}

// ---- Training and inference ----

const channelsOf = () => data.shape[data.channel];
const canRun = () => state.norm === 'batch' && data.shape.length === 4 && data.shape[0] > 1;

function forget() {
  running?.destroy();
  running = null;
  history = [];
  state.mode = 'train';
}

function trainOn(batches) {
  running ??= core.batchNorm(channelsOf(), data.channel, state.momentum, 10 ** state.eps);
  const { x, shape } = inputOf({ ...state, batch: 0 }, data, edits), per = x.length / shape[0], size = Math.max(1, shape[0] >> 1);
  if (!history.length) history.push({ mean: Array.from(running.mean()) });
  for (let k = 0; k < batches; ++k) {
    const batch = new Float32Array(size * per), first = history.length - 1;
    for (let s = 0; s < size; ++s) {
      const n = (first * size + s + Math.floor(first * size / shape[0])) % shape[0];
      batch.set(x.subarray(n * per, (n + 1) * per), s * per);
    }
    running.train(batch, [size, ...shape.slice(1)]);
    history.push({ mean: Array.from(running.mean()) });
  }
  update();
}

function drawRunning() {
  const box = $('running');
  if (!canRun()) return box.replaceChildren(make('p', { class: 'note' }, t('running.only')));
  const palette = paletteOf(isDark()), colors = [palette.a, palette.litInk, palette.b], size = Math.max(1, data.shape[0] >> 1);
  const go = (mode) => () => { state.mode = mode; update(); };
  const momentum = make('input', { type: 'range', id: 'momentum', min: 0.01, max: 1, step: 0.01 });
  momentum.value = state.momentum;
  momentum.addEventListener('change', () => { state.momentum = Number(momentum.value); forget(); update(); });
  const nodes = [make('p', { class: 'note' }, t('running.text')), make('div', { class: 'segments' }, make('button', { type: 'button', id: 'run-next', onclick: () => trainOn(1) }, t('running.next')), make('button', { type: 'button', onclick: () => trainOn(20) }, t('running.many')),
    make('button', { type: 'button', onclick: () => { forget(); update(); } }, t('running.fresh')), segment(t('running.train'), state.mode === 'train', go('train')), segment(t('running.eval'), state.mode === 'eval', go('eval'), history.length ? { id: 'run-eval' } : { id: 'run-eval', disabled: '' })),
    make('div', { class: 'knob' }, make('label', { for: 'momentum' }, t('momentum'), make('output', {}, String(state.momentum))), momentum)];
  if (history.length) {
    const target = result.measured, lines = target.slice(0, 3).map((m, c) => ({ values: history.map((h) => h.mean[c]), target: m.mean, color: colors[c], label: String(data.channels?.[c] ?? c) }));
    const gap = Math.max(...target.map((m, c) => Math.abs(m.mean - history.at(-1).mean[c]) / Math.sqrt(m.m2 / m.count)));
    nodes.push(courses(lines, { width: Math.max(300, box.clientWidth / em()), dark: isDark(), title: t('running'), format: (v) => format(v, 3) }), make('p', {}, `${t('running.count', { n: history.length - 1, size })} ${t('running.gap', { gap: format(gap, 3) })}`));
  }
  const focused = document.activeElement?.id;
  box.replaceChildren(...nodes);
  if (focused && box.querySelector(`#${focused}`)) $(focused).focus();
}

// ---- The guided path ----

function goTo(step) {
  state.step = Math.min(7, Math.max(1, step));
  const { pins, ...set } = STEPS[state.step - 1].set;
  Object.assign(state, { weight: 1, bias: 0, vary: false, outlier: 0, shift: 0, batch: 0, mode: 'train', eps: -5, pads: false, stage: 3 }, set);
  edits.clear();
  openData();
  if (pins) [state.a, state.b] = pins.map((name) => data.names.indexOf(name));
  if (pins) state.at = state.a;
  pinNext = 'a';
  clicked = -1;
  forget();
  rebuild();
}

function drawGuide() {
  const step = Math.round(Math.min(7, Math.max(1, state.step))), key = `g${step}`;
  if (result && STEPS[step - 1].done(state, result, data)) solved.add(step);
  $('steps').replaceChildren(...STEPS.map((_, k) => make('li', {}, make('button', { type: 'button', class: solved.has(k + 1) ? 'done' : '', 'aria-label': t('step', { n: k + 1 }), ...(k + 1 === step ? { 'aria-current': 'step' } : {}), onclick: () => goTo(k + 1) }, solved.has(k + 1) && k + 1 !== step ? '✓' : String(k + 1)))));
  $('guide-title').textContent = t(key);
  $('guide-text').textContent = t(`${key}.text`);
  $('guide-ask').textContent = t(`${key}.ask`);
  const answer = solved.has(step) ? `${t('done')} ${t(`${key}.answer`)}` : '';
  if ($('guide-answer').textContent !== answer) $('guide-answer').textContent = answer;
  $('guide-back').disabled = step === 1;
  $('guide-next').disabled = step === 7;
}

// ---- Choices ----

function choose(change) {
  Object.assign(state, change);
  if ('data' in change || 'level' in change) Object.assign(state, { at: -1, a: -1, b: -1, batch: 0, outlier: 0, shift: 0 }), edits.clear();
  if ('data' in change || 'level' in change) clicked = -1;
  if ('data' in change) forget();
  if (state.norm !== 'batch') state.mode = 'train';
  openData();
  rebuild();
}

function drawChoices() {
  const focused = document.activeElement?.dataset?.key, key = (k) => ({ 'data-key': k });
  $('data').replaceChildren(...['incomes', 'images', 'sentences', 'own'].map((id) => segment(t(`data.${id}`), !$('own').hidden ? id === 'own' : state.data === id, () => {
    $('own').hidden = id !== 'own';
    if (id === 'own' && !ownData) return drawChoices();
    choose({ data: id });
  }, key(`data.${id}`))), ...(state.data === 'sentences' ? ['layer2', 'embedding'].map((level) => segment(t(`level.${level}`), state.level === level, () => choose({ level }), key(level))) : []));
  $('norm').replaceChildren(...Object.keys(normsOf(data)).map((norm) => segment(normLabel(norm), state.norm === norm, () => choose({ norm }), key(`norm.${norm}`))));
  const on = pooled(state, data);
  $('axes').parentElement.hidden = Boolean(data.by);
  $('axes').replaceChildren(...data.axes.map((axis, k) => segment(`${t(`axis.${axis}`)} ${result ? result.shape[k] : data.shape[k]}`, on.includes(k), () => {
    const axes = on.includes(k) ? on.filter((other) => other !== k) : [...on, k].sort();
    choose({ norm: nameOf(axes, data) });
  }, key(`axis.${k}`))));
  if (focused) document.querySelector(`[data-key="${focused}"]`)?.focus();
}

// ---- Pointing ----

function pin(i) {
  if (i < 0) return;
  state.at = clicked = i;
  if (state.a === i || state.b === i) return update();
  if (state.a < 0) pinNext = 'a';
  else if (state.b < 0) pinNext = 'b';
  state[pinNext] = i;
  pinNext = pinNext === 'a' ? 'b' : 'a';
  update();
  say();
}

function say() {
  const i = state.at, lit = litOf(), m = result.moments[lit], found = verdict();
  if (i < 0) return;
  $('say').textContent = m && result.ids[i] >= 0 ? t('block', { when: t('after'), where: placeOf(i, data, result.shape, t), value: `${format(result.x[i])} → ${format(result.y[i])}`, mean: format(m.mean), deviation: format(Math.sqrt(m.m2 / m.count)) }) +
    (found && state.b >= 0 ? ' ' + found.words.map((w) => t(w).replace(/<\/?b>/g, '')).join(' ') : '') : t('point.pad');
}

for (const id of ['before', 'after']) {
  const canvas = $(id), at = (event) => {
    const box = canvas.getBoundingClientRect();
    return layouts.block.find((event.clientX - box.left) / layouts.block.scale, (event.clientY - box.top) / layouts.block.scale);
  };
  canvas.addEventListener('pointermove', (event) => {
    if (!result) return;
    const i = at(event);
    if (i < 0 || i === state.at) return;
    const outlier = state.outlier;
    state.at = i;
    outlier ? soon() : frame();
  });
  // Who leaves the picture to edit a value crosses other elements on the way: what was clicked last stays.
  canvas.addEventListener('pointerleave', () => {
    if (!result || clicked < 0 || clicked >= result.x.length || state.at === clicked) return;
    state.at = clicked;
    state.outlier ? soon() : frame();
  });
  canvas.addEventListener('click', (event) => result && pin(at(event)));
  canvas.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!result || (!step && event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    if (!step) return pin(Math.max(0, state.at));
    state.at = clicked = state.at < 0 ? layouts.block.panels[0].at[0] : layouts.block.step(state.at, ...step);
    frame();
    say();
  });
}

let waiting = false, stale = false;
/// Draws in the next frame; soon() computes first.
function frame() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (stale) recompute();
    stale = false;
    draw();
    clearTimeout(slow);
    slow = setTimeout(rest, 120);
  });
}
function soon() {
  stale = true;
  frame();
}

/// What may wait until the finger rests.
function rest() {
  if (!result) return;
  const lit = litOf();
  drawMade(lit);
  drawCharts(lit);
  drawGuide();
  drawRunning();
  drawTable();
  drawClaims(lit);
  drawBits();
  history_();
}
const history_ = () => window.history.replaceState(null, '', writeState(state));

function update() {
  recompute();
  draw();
  clearTimeout(slow);
  rest();
}

function rebuild() {
  document.documentElement.lang = state.lang === 'zh' ? 'zh-CN' : 'en';
  document.documentElement.dataset.theme = state.theme;
  document.title = `Norma · ${t('title')}`;
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  $('lang').textContent = t('other-lang');
  $('lang').lang = state.lang === 'zh' ? 'en' : 'zh-CN';
  $('theme').setAttribute('aria-label', t('theme'));
  $('theme').setAttribute('aria-pressed', isDark());
  $('own-text').setAttribute('aria-label', t('own.or'));
  for (const id of ['before', 'after']) $(id).setAttribute('aria-label', `${t(id)}. ${t('keys')}`);
  $('stage').value = state.stage;
  $('own').hidden = state.data !== 'own';
  recompute();
  drawChoices();
  buildKnobs();
  drawGuide();
  draw();
  if (result) rest();
}

// ---- Listening ----

$('lang').addEventListener('click', () => { state.lang = state.lang === 'zh' ? 'en' : 'zh'; rebuild(); });
$('theme').addEventListener('click', () => { state.theme = isDark() ? 'light' : 'dark'; rebuild(); });
$('guide-back').addEventListener('click', () => goTo(state.step - 1));
$('guide-next').addEventListener('click', () => goTo(state.step + 1));
$('stage').addEventListener('input', () => { state.stage = Number($('stage').value); cancelAnimationFrame(playing); frame(); });
$('play').addEventListener('click', () => {
  cancelAnimationFrame(playing);
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    state.stage = state.stage >= 3 ? 0 : Math.floor(state.stage) + 1;
    $('stage').value = state.stage;
    return frame();
  }
  const began = performance.now(), run = (now) => {
    const s = Math.min(3, Math.max(0, (now - began) / 1000) * 0.9), part = s % 1;
    state.stage = s >= 3 ? 3 : Math.floor(s) + part * part * (3 - 2 * part);
    $('stage').value = state.stage;
    frame();
    if (s < 3) playing = requestAnimationFrame(run);
  };
  playing = requestAnimationFrame(run);
});
$('reset').addEventListener('click', () => { Object.assign(state, { ...DEFAULTS, lang: state.lang, theme: state.theme }); solved = new Set(); goTo(1); });

async function take(load) {
  try {
    const opened = await load();
    ownData = opened;
    choose({ data: 'own', norm: 'batch' });
    complain(opened.spelled ? new Refusal(t('own.spelled')) : null);
  } catch (error) {
    complain(error);
  }
}
$('own-file').addEventListener('change', () => $('own-file').files.length && take(() => readFiles([...$('own-file').files])));
$('own-go').addEventListener('click', () => take(async () => readText($('own-text').value, t('own.paste'))));
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) take(() => readFiles([...event.dataTransfer.files]));
});
let resized = 0;
addEventListener('resize', () => { clearTimeout(resized); resized = setTimeout(() => { draw(); if (result) rest(); }, 80); });

// ---- Saving pictures ----

function save(blob, name) {
  const link = make('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
/// The two blocks and the rank lines as one SVG; blocks are pixels inside it.
function picture() {
  const [before, after] = [$('before'), $('after')], w = layouts.block.width, h = layouts.block.height, ranks = $('ranks').firstChild.cloneNode(true), svgNamespace = 'http://www.w3.org/2000/svg';
  const wide = 2 * w + 40, [, , rw, rh] = ranks.getAttribute('viewBox').split(' ').map(Number), svg = document.createElementNS(svgNamespace, 'svg'), palette = paletteOf(isDark());
  const add = (name, attributes, text) => {
    const element = document.createElementNS(svgNamespace, name);
    for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v);
    if (text) element.textContent = text;
    svg.append(element);
  };
  svg.setAttribute('xmlns', svgNamespace);
  svg.setAttribute('viewBox', `0 0 ${wide} ${h + 50 + rh * wide / rw}`);
  svg.setAttribute('width', wide);
  svg.setAttribute('height', h + 50 + rh * wide / rw);
  svg.setAttribute('font-family', 'sans-serif');
  add('rect', { width: '100%', height: '100%', fill: `rgb(${palette.paper})` });
  add('text', { x: 10, y: 22, fill: palette.ink, 'font-size': 15 }, `${t('before')} → ${t('after')} · ${$('made').textContent}`);
  add('image', { x: 0, y: 36, width: w, height: h, href: before.toDataURL() });
  add('image', { x: w + 40, y: 36, width: w, height: h, href: after.toDataURL() });
  ranks.setAttribute('y', h + 50);
  ranks.setAttribute('width', wide);
  ranks.setAttribute('height', rh * wide / rw);
  svg.append(ranks);
  return new XMLSerializer().serializeToString(svg);
}
for (const button of document.querySelectorAll('[data-export]')) {
  button.addEventListener('click', () => {
    if (!result) return;
    const svg = new Blob([picture()], { type: 'image/svg+xml' });
    if (button.dataset.export === 'svg') return save(svg, 'norma.svg');
    const image = new Image();
    image.onload = () => {
      const canvas = make('canvas', { width: 2 * image.width, height: 2 * image.height });
      canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, 'norma.png'));
    };
    image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(picture());
  });
}

// ---- Beginning: the page is painted first, then the core comes ----

openData();
rebuild();
requestAnimationFrame(() => setTimeout(async () => {
  try {
    const packed = Uint8Array.from(atob(WASM), (c) => c.charCodeAt(0));
    core = await loadCore(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
    rebuild();
    document.documentElement.dataset.ready = 'true';
  } catch (error) {
    complain(error);
  }
}, 0));
/// For the tests: what the page holds now.
globalThis.norma = { state, codes: () => data.codes, output: () => result?.y, input: () => result?.x, result: () => result, shape: () => result?.shape, rect: (i) => layouts.block.rect(i), load: (x, shape) => { ownData = { id: 'own', title: 'test', x, shape, axes: ['N', 'C', 'H', 'W'], channel: 1 }; choose({ data: 'own', norm: 'batch' }); } };
