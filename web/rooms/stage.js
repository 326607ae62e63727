// SPDX-License-Identifier: Apache-2.0
// The two pictures and the number line: drawn at once when something moves; pointing, keys, and the stages of the computation.
import { app, act, $, t, em, isDark, isStill, format } from './app.js';
import { layoutOf, tonesOf, toneBetween } from '../draw/layout.js';
import { drawBlock, FULL, NONE } from '../draw/block.js';
import { rulerOf, drawRuler } from '../draw/ruler.js';
import { distributionName } from '../model/norms.js';
import { litOf, drawNow, drawPoint, drawVerdict, pin, say, spread, centre } from './element.js';

const MOST_DOTS = 90, CARDS_EVERY = 90;  // milliseconds between the cards' numbers while something moves
let tones, light = {}, ruler = {}, playing = 0, carded = 0, drawn = {};

/// The light goes from one distribution to the next in a few frames. True while it is on its way.
function moveLight(ids, lit) {
  if (light.ids === ids && light.lit === lit && !light.moving) return false;
  const n = ids.length, fresh = light.glow?.length !== n, { glow, levels } = fresh ? { glow: new Float32Array(n), levels: new Uint8Array(n) } : light, step = isStill() || fresh ? 1 : 0.3;
  let moving = false;
  for (let i = 0; i < n; ++i) {
    const gap = (ids[i] === lit && lit >= 0 ? 1 : 0) - glow[i];
    if (gap !== 0) {
      glow[i] += Math.abs(gap) < 0.04 ? gap : gap * step;
      if (Math.abs(gap) >= 0.04 && step < 1) moving = true;
    }
    levels[i] = ids[i] < 0 ? NONE : FULL * glow[i] + 0.5;
  }
  light = { ids, lit, glow, levels, moving };
  return moving;
}

/// Which distributions the number line shows, and which of their members: the lit one, those of the pins, and the next others; three
/// in all. Kept until something else is asked.
function membersShown(lit) {
  const { state, result } = app, { ids, moments } = result, asked = [lit, state.a, state.b, state.at].join();
  if (ruler.ids === ids && ruler.asked === asked) return ruler.members;
  const wanted = new Set([lit]);
  for (const p of [state.a, state.b]) if (p >= 0 && p < ids.length && ids[p] >= 0) wanted.add(ids[p]);
  for (let id = 0; id < moments.length && wanted.size < 3; ++id) if (moments[id].count > 1 || moments.length === 1) wanted.add(id);
  const counted = new Map([...wanted].filter((id) => id >= 0).slice(0, 3).map((id) => [id, 0])), row = new Int8Array(moments.length).fill(-1);
  const places = [...counted.keys()].sort((p, q) => p - q).map((id, k) => ((row[id] = k), { id, own: [] }));
  for (let i = 0; i < ids.length; ++i) if (ids[i] >= 0 && row[ids[i]] >= 0) places[row[ids[i]]].own.push(i);
  for (const one of places) {
    const stride = Math.max(1, Math.ceil(one.own.length / MOST_DOTS));
    one.some = one.own.filter((_, k) => k % stride === 0);
    for (const p of [state.a, state.b, state.at]) if (p >= 0 && ids[p] === one.id && !one.some.includes(p)) one.some.push(p);
    one.own = Int32Array.from(one.own);
  }
  ruler = { ids, asked, members: places.filter(({ own }) => own.length) };
  return ruler.members;
}

/// Mean and deviation of some of y.
function momentsOf(y, own) {
  let [sum, square] = [0, 0];
  for (let k = 0; k < own.length; ++k) sum += y[own[k]];
  const mean = sum / own.length;
  for (let k = 0; k < own.length; ++k) square += (y[own[k]] - mean) ** 2;
  return [mean, Math.sqrt(square / own.length)];
}

/// The rows of the number line.
function rowsOf(lit) {
  const { state, result, data } = app, { y, moments } = result;
  return membersShown(lit).map(({ id, own, some }) => {
    const m = moments[id], mean = centre(m), deviation = spread(m), root = Math.sqrt(m.m2 / m.count + result.options.eps) || 1;
    // What runs beside the batch in inference is neither centred nor scaled by its own mean: the bar is the ruler's.
    const from = result.evaluating || result.options.centered ? 0 : mean, [middle, around] = momentsOf(y, own);
    return { name: distributionName(own[0], state, data, t), lit: id === lit, at: (s) => [mean + s * deviation, from + s * deviation, (from + s * deviation) / root, result.evaluating ? s * deviation / root : middle + s * around],
      dots: some.map((i) => ({ i, pin: i === state.a ? 'a' : i === state.b ? 'b' : '' })) };
  });
}

const sizes = {};  // of the pictures, in their own units; asked of the page again only after it changed
function sizeOf(id) {
  sizes.em ??= em();
  return (sizes[id] ??= $(id).clientWidth / sizes.em);
}
const unseen = new Set();  // what is scrolled out of sight: it is not drawn while something moves

/// Draws what must follow a finger at once; all: also what is out of sight. Returns whether the light is still on its way.
export function drawStage(all = true) {
  const { state, result, data, core } = app, lit = litOf(), dark = isDark(), marks = { lit, at: state.at, a: state.a, b: state.b, dark }, seen = (id) => all || !unseen.has(id);
  const width = sizeOf('before'), scale = sizes.em, key = [width, scale, data.id, data.title, result.shape, state.lang].join();
  if (app.layouts?.key !== key) app.layouts = { key, block: layoutOf(data, result.shape, width, data.id === 'own' ? String : t, scale) };
  if (tones?.of !== result) tones = Object.assign(tonesOf(result), { of: result });
  const moving = moveLight(result.ids, lit), k = Math.min(2, Math.floor(state.stage));
  // Most knobs, and the stages, leave the input as it was.
  const before = { block: app.layouts.block, x: result.x, ids: result.ids, marks: JSON.stringify(marks) };
  if (seen('before') && (all || moving || drawn.moving || Object.keys(before).some((what) => before[what] !== drawn[what]))) {
    drawBlock(core, $('before'), before.block, toneBetween(tones[0], tones[0], 0), result.ids, light.levels, marks);
    drawn = { ...before, moving };
  }
  if (seen('after')) drawBlock(core, $('after'), app.layouts.block, toneBetween(tones[k], tones[k + 1], state.stage - k), result.ids, light.levels, marks);
  if (seen('now')) drawNow(lit);
  const now = performance.now();
  if (all || now - carded > CARDS_EVERY) {
    carded = now;
    if (seen('point')) drawPoint(lit);
    if (seen('verdict')) drawVerdict();
  }
  if (seen('ruler')) {
    const wide = sizeOf('ruler'), { x, plain, y } = result, stages = [() => x, () => result.centred, () => plain, () => y];
    drawRuler($('ruler'), rulerOf(rowsOf(lit), (stage, i) => stages[stage]()[i]), state.stage, { width: wide, scale, dark, format: (v) => format(v, 3), narrow: wide < 520 });
  }
  const title = state.stage >= 3 ? t('after') : `${t('after')}: ${t(['raw', 'centred', 'scaled'][Math.round(state.stage)] ?? 'affine')}`;
  if ($('after-title').textContent !== title) $('after-title').textContent = title;
  return moving;
}

function watchSizes() {
  const sized = new ResizeObserver(() => {
    const { before, ruler: line } = sizes;
    for (const key of Object.keys(sizes)) delete sizes[key];
    if (app.result && before !== undefined && (sizeOf('before') !== before || sizeOf('ruler') !== line)) act.frame();
  });
  for (const id of ['before', 'ruler']) sized.observe($(id).parentElement);
  const sight = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => unseen[isIntersecting ? 'delete' : 'add'](target.id)), { rootMargin: '200px' });
  for (const id of ['before', 'after', 'ruler', 'now', 'point', 'verdict']) sight.observe($(id));
}

function play() {
  const { state } = app;
  cancelAnimationFrame(playing);
  if (isStill()) return setStage(state.stage >= 3 ? 0 : Math.floor(state.stage) + 1);
  const began = performance.now(), run = (now) => {
    const s = Math.min(3, Math.max(0, (now - began) / 1300));
    setStage(s);
    if (s < 3) playing = requestAnimationFrame(run);
  };
  playing = requestAnimationFrame(run);
}
function setStage(value) {
  app.state.stage = value;
  $('stage').value = value;
  act.frame();
}

export function listenToStage() {
  watchSizes();
  $('stage').addEventListener('input', () => { cancelAnimationFrame(playing); setStage(Number($('stage').value)); });
  $('play').addEventListener('click', play);
  for (const button of document.querySelectorAll('[data-stage]')) button.addEventListener('click', () => { cancelAnimationFrame(playing); setStage(Number(button.dataset.stage)); });
  const { state } = app;
  for (const id of ['before', 'after']) {
    const canvas = $(id), at = (event) => {
      const box = canvas.getBoundingClientRect(), { block } = app.layouts;
      return block.find((event.clientX - box.left) / block.scale, (event.clientY - box.top) / block.scale);
    };
    const pointTo = (i) => {
      state.at = i;
      state.outlier ? act.soon() : act.frame();
    };
    canvas.addEventListener('pointermove', (event) => {
      if (!app.result) return;
      const i = at(event);
      if (i >= 0 && i !== state.at) pointTo(i);
    });
    // Who leaves the picture to edit a value crosses other elements on the way: what was clicked last stays.
    canvas.addEventListener('pointerleave', () => {
      if (app.result && app.clicked >= 0 && app.clicked < app.result.x.length && state.at !== app.clicked) pointTo(app.clicked);
    });
    canvas.addEventListener('click', (event) => app.result && pin(at(event)));
    canvas.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!app.result || (!step && event.key !== 'Enter' && event.key !== ' ')) return;
      event.preventDefault();
      const { block } = app.layouts, first = block.panels[0].at.find((i) => i >= 0);
      if (!step) return pin(state.at < 0 ? first : state.at);
      app.clicked = state.at < 0 ? first : block.step(state.at, ...step);
      pointTo(app.clicked);
      say();
    });
  }
}
