// SPDX-License-Identifier: Apache-2.0
// What all rooms share: the state, what follows from it, and the small tools that make elements.
import { translate } from '../strings/strings.js';
import { Refusal } from '../model/core.js';
import { readState, readEdits } from '../model/state.js';

export const $ = (id) => document.getElementById(id);

/// data: the tensor as it came; result: what the core made of it; edits: values typed over; solved: steps that were answered.
export const app = {
  state: readState(location.hash), core: null, data: null, ownData: null, result: null, layouts: null, edits: readEdits(location.hash),
  solved: new Set(), running: null, history: [], clicked: -1, pinNext: 'a',
};

/// What main.js does for the rooms: update (compute and draw now), soon (in the next frame), frame (draw alone), choose, rebuild.
export const act = {};

export const t = (key, values) => translate(app.state.lang, key, values);
/// How much larger than 16 pixels the page's letters are.
export const em = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
export const isDark = () => app.state.theme === 'dark';
export const isStill = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

export function format(v, digits = 4) {
  if (!Number.isFinite(v)) return '–';
  const size = Math.abs(v), text = v !== 0 && (size >= 1e6 || size < 1e-3) ? v.toExponential(2) : size >= 1000 ? Math.round(v).toLocaleString('en') : String(Number(v.toPrecision(digits)));
  return text.replace('-', '−');
}
export const fixed = (v, digits = 2) => (Number.isFinite(v) ? (Object.is(Number(v.toFixed(digits)), -0) ? 0 : v).toFixed(digits).replace('-', '−') : '–');

/// An element with children that are text or elements: never markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) key.startsWith('on') ? element.addEventListener(key.slice(2), value) : element.setAttribute(key, value);
  element.append(...children);
  return element;
}
/// A string of the table, in which <b> alone is markup; what was filled in is text.
export const rich = (text) => text.split(/(<b>.*?<\/b>)/).map((part) => (part.startsWith('<b>') ? make('b', {}, part.slice(3, -4)) : part));
export const plainText = (text) => text.replace(/<\/?b>/g, '');
export const segment = (text, on, press, more = {}) => make('button', { type: 'button', 'aria-pressed': on, onclick: press, ...more }, ...[text].flat());

/// Replaces what an element holds; the focus stays with the child that has the same id or key.
export function refill(box, ...children) {
  const inside = box.contains(document.activeElement) ? document.activeElement : null;
  const where = inside && (inside.id ? `#${CSS.escape(inside.id)}` : inside.dataset.key ? `[data-key="${CSS.escape(inside.dataset.key)}"]` : null);
  box.replaceChildren(...children);
  if (where) box.querySelector(where)?.focus({ preventScroll: true });
}

/// Whether a room shows already what follows from these: then it stays, and with it what a finger is on.
const shown = new Map();
export function isShown(room, ...from) {
  const all = [...from, app.result, app.state.lang, app.state.theme, $(room).clientWidth], same = shown.get(room)?.every((v, k) => v === all[k]);
  shown.set(room, all);
  return same ?? false;
}

export function complain(error) {
  const box = $('error');
  box.hidden = !error;
  box.textContent = !error ? '' : error instanceof Refusal ? t(error.message, error.values) : `[page] ${error.message}`;
  if (error) box.scrollIntoView({ block: 'nearest' });
}
