// SPDX-License-Identifier: Apache-2.0
// The page: opens the data, asks the core, and lets every room draw what follows.
import { loadCore, Refusal } from '../model/core.js';
import { incomes, photos, features, sentences } from '../model/data.js';
import { own, readFiles, readText } from '../model/files.js';
import { writeState, AT_REST, outside } from '../model/state.js';
import { normsOf, groupsOf } from '../model/norms.js';
import { compute } from '../model/compute.js';
import { app, act, $, t, complain, isDark } from './app.js';
import { drawChoices, drawMade } from './choices.js';
import { litOf } from './element.js';
import { drawStage, listenToStage } from './stage.js';
import { buildKnobs, drawMates, drawPads } from './knobs.js';
import { forget, statistics, drawRunning } from './running.js';
import { drawCharts, drawTable, drawClaims, drawBits } from './below.js';
import { drawWords } from './words.js';
import { drawPath, listenToPath } from './path.js';
import { drawCommand, listenToSaving, saved } from './save.js';

const { state } = app;
if (!state.lang) state.lang = navigator.language?.startsWith('zh') ? 'zh' : 'en';
if (!state.theme) state.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';

const SOURCES = { incomes: () => incomes(SAMPLES), images: () => photos(SAMPLES), features: () => features(SAMPLES), sentences: () => sentences(SAMPLES, state.level), own: () => app.ownData };

// ---- What follows from the state ----

function openData() {
  if (!Object.hasOwn(SOURCES, state.data) || !SOURCES[state.data]()) state.data = 'incomes';
  if (!['layer2', 'embedding'].includes(state.level)) state.level = 'layer2';
  const data = (app.data = SOURCES[state.data]()), names = normsOf(data), chosen = /^axes([0-3]*)$/.exec(state.norm)?.[1];
  if (!Object.hasOwn(names, state.norm) && (chosen === undefined || data.by || [...chosen].some((k, n) => k >= data.shape.length || k <= chosen[n - 1]))) state.norm = Object.keys(names)[0];
  // As many groups as were wished, or the next fewer that divide the channels; rather neither one nor all.
  const stops = groupsOf(data), middle = stops.filter((g) => g > 1 && g < data.shape[1]);
  if (stops.length) state.groups = stops.findLast((g) => g <= state.groups) ?? 1;
  if (middle.length && !middle.includes(state.groups) && state.norm !== 'group') state.groups = middle[0];
  state.out = [...outside(state, data)].join('.');
  for (const pin of ['at', 'a', 'b']) if (state[pin] >= data.x.length) state[pin] = -1;
  for (const i of app.edits.keys()) if (i >= data.x.length) app.edits.delete(i);
}

function recompute() {
  if (!app.core) return;
  const began = performance.now(), previous = app.result;
  try {
    app.result = compute(app.core, state, app.data, app.edits, statistics());
    complain(null);
  } catch (error) {
    complain(error);
    if (previous?.data !== app.data) throw error;
    // What was refused is taken back: the page goes on showing what it says.
    Object.assign(state, { norm: previous.norm, groups: previous.groups });
  }
  app.result.ms = performance.now() - began;
}

function draw(all) {
  return app.result ? drawStage(all) : false;
}

const AT_ONCE = 8;  // milliseconds: less than a frame
let waiting = false, stale = false, slow = 0;
const queue = [];

/// What may wait until the finger rests: the rooms one after another, so that no pause is long; whoever moves again ends it.
function rest() {
  slow = 0;
  if (!app.result) return;
  const lit = litOf();
  draw(true);
  drawMade(lit);
  drawPath();
  history.replaceState(null, '', writeState(state, app.edits));
  queue.splice(0, queue.length, drawMates, () => drawPads(lit), () => drawCharts(lit), drawWords, drawRunning, drawCommand, drawBits, drawTable, () => drawClaims(lit));
  slow = setTimeout(next, 0);
}
/// A room that takes long is a generator, and gives way wherever it yields.
function next() {
  const end = performance.now() + AT_ONCE;
  do {
    const room = queue.shift(), rest = typeof room === 'function' ? room() : room;
    if (typeof rest?.next === 'function' && !rest.next().done) queue.unshift(rest);
  } while (queue.length && performance.now() < end);
  slow = queue.length ? setTimeout(next, 0) : 0;
}
const interrupt = () => {
  clearTimeout(slow);
  slow = 0;
};

act.frame = () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (stale) recompute();
    stale = false;
    const moving = draw(false);
    interrupt();
    if (moving) act.frame();
    else slow = setTimeout(rest, 120);
  });
};
act.soon = () => {
  stale = true;
  act.frame();
};
/// Draws now; the light may still be on its way, and the rooms follow when it has arrived.
function drawNowAndRest() {
  interrupt();
  const moving = draw(true);
  if (!app.result) return;
  drawMade(litOf());
  drawPath();
  if (moving) act.frame();
  else rest();
}
act.update = () => {
  recompute();
  drawNowAndRest();
};

act.choose = (change) => {
  const other = 'data' in change && change.data !== state.data || 'level' in change || change.data === 'own';
  Object.assign(state, change);
  if (other) {
    Object.assign(state, { at: -1, a: -1, b: -1, out: '', outlier: 0, shift: 0, contrast: 0 });
    app.edits.clear();
    app.clicked = -1;
    forget();
  }
  if (state.norm !== 'batch') state.mode = 'train';
  openData();
  act.rebuild();
};

/// Opens what the state says, with two countries pinned by name where they are given.
act.open = (names) => {
  openData();
  if (names) [state.a, state.b] = names.map((name) => app.data.names.indexOf(name));
  if (names) state.at = state.a;
  app.pinNext = 'a';
  app.clicked = -1;
  forget();
  act.rebuild();
};

/// Takes the reader to a state that shows something, and to where it is seen.
act.show = ({ names, to, ...set }) => {
  Object.assign(state, AT_REST, { a: -1, b: -1, at: set.a ?? -1, stage: 3 }, set);
  app.edits.clear();
  $('own').hidden = true;
  act.open(names);
  $(to ?? 'stage-title').scrollIntoView({ block: to ? 'center' : 'start' });
};

act.rebuild = () => {
  document.documentElement.lang = state.lang === 'zh' ? 'zh-CN' : 'en';
  document.documentElement.dataset.theme = state.theme;
  document.title = `Norma · ${t('title')}`;
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll('[data-l]')) element.setAttribute('aria-label', t(element.dataset.l));
  $('lang').textContent = t('other-lang');
  $('lang').lang = state.lang === 'zh' ? 'en' : 'zh-CN';
  $('theme').setAttribute('aria-pressed', isDark());
  for (const id of ['before', 'after']) $(id).setAttribute('aria-label', `${t(id)}. ${t('keys')}`);
  $('stage').value = state.stage;
  $('own').hidden = state.data !== 'own' && $('own').hidden;
  if (state.data !== 'own') $('own').hidden = true;
  recompute();
  drawChoices();
  buildKnobs();
  drawPath();
  drawNowAndRest();
};

// ---- Listening ----

$('lang').addEventListener('click', () => { state.lang = state.lang === 'zh' ? 'en' : 'zh'; act.rebuild(); });
$('theme').addEventListener('click', () => { state.theme = isDark() ? 'light' : 'dark'; act.rebuild(); });

async function take(load) {
  const before = { ...state }, had = app.ownData;
  try {
    app.ownData = await load();
    act.choose({ data: 'own', norm: 'batch' });
    complain(app.ownData.spelled ? new Refusal('own.spelled') : null);
  } catch (error) {
    if (app.ownData !== had) {
      app.ownData = had;
      Object.assign(state, before);
      openData();
      act.rebuild();
    }
    complain(error);
  }
}
$('own-file').addEventListener('change', async () => {
  if ($('own-file').files.length) await take(() => readFiles([...$('own-file').files]));
  $('own-file').value = '';  // so that the same file can be opened again
});
$('own-go').addEventListener('click', () => take(async () => readText($('own-text').value, t('own.paste'))));
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) take(() => readFiles([...event.dataTransfer.files]));
});
// Paper is white: dark pictures would be printed as they are, and dark mode's pale letters with them.
let dimmed = false;
addEventListener('beforeprint', () => {
  if (!app.result || !isDark()) return;
  dimmed = true;
  state.theme = 'light';
  act.rebuild();
  for (interrupt(); queue.length; interrupt()) next();
});
addEventListener('afterprint', () => {
  if (!dimmed) return;
  dimmed = false;
  state.theme = 'dark';
  act.rebuild();
});
let resized = 0;
addEventListener('resize', () => { clearTimeout(resized); resized = setTimeout(() => { draw(true); interrupt(); rest(); }, 80); });
addEventListener('hashchange', () => location.reload());  // an address was pasted over this one
listenToStage();
listenToPath();
listenToSaving();

// ---- Beginning: the page is painted first, then the core comes ----

openData();
act.rebuild();
requestAnimationFrame(() => setTimeout(async () => {
  try {
    const packed = Uint8Array.from(atob(WASM), (c) => c.charCodeAt(0));
    app.core = await loadCore(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
    act.rebuild();
    document.documentElement.dataset.ready = 'true';
  } catch (error) {
    complain(error);
  }
}, 0));
/// For the tests: what the page holds now.
globalThis.norma = { state, idle: () => !waiting && !slow, saved: () => saved.join(), codes: () => app.data.codes, output: () => app.result?.y, input: () => app.result?.x, result: () => app.result, shape: () => app.result?.batch.shape, rect: (i) => app.layouts.block.rect(i), find: (x, y) => app.layouts.block.find(x, y),
  load: (x, shape) => { app.ownData = own(x, shape, 'test'); act.choose({ data: 'own', norm: 'batch' }); } };
