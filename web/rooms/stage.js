// SPDX-License-Identifier: Apache-2.0
// The two pictures and the number line: drawn at once when something moves; pointing, keys, and the stages of the computation.
import { app, act, $, t, em, isDark, isStill, format } from './app.js';
import { layoutOf, tonesOf } from '../draw/layout.js';
import { drawBlock } from '../draw/block.js';
import { rulerOf, drawRuler } from '../draw/ruler.js';
import { distributionName } from '../model/norms.js';
import { litOf, drawNow, drawPoint, drawVerdict, pin, say, spread, centre } from './element.js';

const MOST_DOTS = 90;
let tones, glow, ruler = {}, playing = 0;

/// The light goes from one distribution to the next in a few frames. True while it is on its way.
function moveLight(ids, lit) {
  if (glow?.length !== ids.length) glow = Float32Array.from(ids, (id) => (id === lit ? 1 : 0));
  const step = isStill() ? 1 : 0.3;
  let moving = false;
  for (let i = 0; i < ids.length; ++i) {
    const goal = ids[i] === lit && lit >= 0 ? 1 : 0, gap = goal - glow[i];
    if (gap === 0) continue;
    if (Math.abs(gap) < 0.04) glow[i] = goal;
    else glow[i] += gap * step, moving = true;
  }
  return moving;
}

/// The rows of the number line: the lit distribution, those of the pins, and the next others; three in all.
function rowsOf(lit) {
  const { state, result, data } = app, { x, y, plain, centred, ids, moments } = result, wanted = new Set([lit]);
  for (const p of [state.a, state.b]) if (p >= 0 && p < ids.length && ids[p] >= 0) wanted.add(ids[p]);
  for (let id = 0; id < moments.length && wanted.size < 3; ++id) if (moments[id].count > 1 || moments.length === 1) wanted.add(id);
  const places = new Map([...wanted].filter((id) => id >= 0).slice(0, 3).map((id) => [id, []]));
  for (let i = 0; i < ids.length; ++i) places.get(ids[i])?.push(i);
  return [...places].filter(([, own]) => own.length).sort(([p], [q]) => p - q).map(([id, own]) => {
    const m = moments[id], stride = Math.max(1, Math.ceil(own.length / MOST_DOTS)), some = own.filter((_, k) => k % stride === 0), mean = centre(m), deviation = spread(m), root = Math.sqrt(m.m2 / m.count + result.options.eps);
    for (const p of [state.a, state.b, state.at]) if (p >= 0 && ids[p] === id && !some.includes(p)) some.push(p);
    let [sum, square] = [0, 0];
    for (const i of own) sum += y[i] / own.length;
    for (const i of own) square += (y[i] - sum) ** 2 / own.length;
    // What runs beside the batch in inference is neither centred nor scaled by its own mean: the bar is the ruler's.
    const from = result.evaluating ? 0 : result.options.centered ? 0 : mean;
    return { name: distributionName(own[0], state, data, t), lit: id === lit, at: (s) => [mean + s * deviation, from + s * deviation, (from + s * deviation) / (root || 1), result.evaluating ? s * deviation / (root || 1) : sum + s * Math.sqrt(square)],
      dots: some.map((i) => [x[i], centred[i], plain[i], y[i], i === state.a ? 'a' : i === state.b ? 'b' : '']) };
  });
}

/// Draws all that must follow a finger at once. Returns whether the light is still on its way.
export function drawStage() {
  const { state, result, data } = app, lit = litOf(), dark = isDark(), marks = { lit, at: state.at, a: state.a, b: state.b, dark };
  const scale = em(), width = $('before').clientWidth / scale, key = [width, scale, data.id, data.title, result.shape, state.lang].join();
  if (app.layouts?.key !== key) app.layouts = { key, block: layoutOf(data, result.shape, width, data.id === 'own' ? String : t, scale) };
  if (tones?.of !== result) tones = Object.assign(tonesOf(result), { of: result });
  const moving = moveLight(result.ids, lit), k = Math.min(2, Math.floor(state.stage)), f = state.stage - k, from = tones[k], to = tones[k + 1];
  drawBlock($('before'), app.layouts.block, tones[0], result.ids, glow, marks);
  drawBlock($('after'), app.layouts.block, f === 0 ? from : f === 1 ? to : from.map((v, i) => v + (to[i] - v) * f), result.ids, glow, marks);
  drawNow(lit);
  drawPoint(lit);
  drawVerdict();
  const asked = [lit, state.a, state.b, state.at, state.lang].join();
  if (ruler.of !== result || ruler.asked !== asked) ruler = { ...rulerOf(rowsOf(lit)), of: result, asked };
  const wide = $('ruler').clientWidth / scale;
  drawRuler($('ruler'), ruler, state.stage, { width: wide, scale, dark, format: (v) => format(v, 3), narrow: wide < 520 });
  $('after-title').textContent = state.stage >= 3 ? t('after') : `${t('after')}: ${t(['raw', 'centred', 'scaled'][Math.round(state.stage)] ?? 'affine')}`;
  return moving;
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
