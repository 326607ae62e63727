// SPDX-License-Identifier: Apache-2.0
// Data, normalization, axes and groups.
import { app, act, $, t, make, refill, rich, segment } from './app.js';
import { normsOf, pooled, nameOf, groupsOf, distributionName } from '../model/norms.js';
import { glyphOf } from '../draw/glyph.js';

export const normLabel = (norm) => t(norm === 'token' && app.data.shape.length === 2 ? 'norm.token2' : norm.startsWith('axes') ? 'norm.axes' : `norm.${norm}`);
const glyph = (norm, letters) => glyphOf(norm, app.data.axes, pooled({ ...app.state, norm }, app.data), letters);
const key = (k) => ({ 'data-key': k });

function drawData() {
  const { state, ownData } = app, opened = !$('own').hidden;
  const buttons = ['incomes', 'images', 'features', 'sentences', 'own'].map((id) => segment(t(`data.${id}`), opened ? id === 'own' : state.data === id, () => {
    $('own').hidden = id !== 'own';
    if (id !== 'own' || ownData) return act.choose({ data: id });
    drawChoices();
    $('own-text').focus();
  }, key(`data.${id}`)));
  const levels = state.data === 'sentences' && !opened ? ['layer2', 'embedding'].map((level) => segment(t(`level.${level}`), state.level === level, () => act.choose({ level }), key(level))) : [];
  refill($('data'), ...buttons);
  refill($('level'), ...levels);
  $('level').hidden = levels.length === 0;
}

/// From LayerNorm (one group) over GroupNorm to InstanceNorm (every channel a group), by one slider.
function drawGroups() {
  const { state, data } = app, stops = groupsOf(data), box = $('groups');
  box.hidden = stops.length < 2;
  if (box.hidden) return box.replaceChildren();
  const now = state.norm === 'sample' ? 0 : state.norm === 'instance' ? stops.length - 1 : Math.max(0, stops.indexOf(state.groups));
  const on = ['sample', 'group', 'instance'].includes(state.norm), name = (k) => t(k === 0 ? 'groups.one' : k === stops.length - 1 ? 'groups.all' : 'groups.some', { n: stops[k] });
  const output = make('output', { for: 'knob-groups' }, on ? name(now) : '–'), slider = make('input', { type: 'range', id: 'knob-groups', min: 0, max: stops.length - 1, step: 1, 'aria-valuetext': name(now) });
  slider.value = now;
  slider.addEventListener('input', () => {
    const k = Number(slider.value);
    act.choose({ norm: k === 0 ? 'sample' : k === stops.length - 1 ? 'instance' : 'group', ...(k > 0 && k < stops.length - 1 ? { groups: stops[k] } : {}) });
  });
  refill(box, make('div', { class: 'knob' }, make('label', { for: 'knob-groups' }, t('groups'), output), slider,
    make('div', { class: 'ticks three', 'aria-hidden': 'true' }, make('span', {}, 'LayerNorm'), make('span', {}, 'GroupNorm'), make('span', {}, 'InstanceNorm'))));
}

export function drawChoices() {
  const { state, data, result } = app, on = pooled(state, data);
  drawData();
  refill($('norm'), ...Object.keys(normsOf(data)).map((norm) => segment([glyph(norm), make('span', {}, normLabel(norm))], state.norm === norm, () => act.choose({ norm }), key(`norm.${norm}`))));
  $('axes').parentElement.hidden = Boolean(data.by);
  refill($('axes'), ...(data.by ? [] : data.axes.map((axis, k) => segment(`${t(`axis.${axis}`)} ${result?.batch.shape[k] ?? data.shape[k]}`, on.includes(k), () => {
    const axes = on.includes(k) ? on.filter((other) => other !== k) : [...on, k].sort();
    act.choose({ norm: nameOf(axes, data) });
  }, key(`axis.${k}`)))));
  drawGroups();
}

/// The sentence that says what was made, beside the sign of it.
export function drawMade(lit) {
  const { state, result } = app, size = result.moments[lit]?.count ?? 0, one = result.distributions === 1, members = result.evaluating ? result.ids.reduce((n, id) => n + (id === lit), 0) : size;
  // A name out of somebody's data is put in after the markup was read.
  const first = result.ids.indexOf(lit), called = () => make('b', {}, first < 0 ? '–' : distributionName(first, state, app.data, t));
  $('made').replaceChildren(...rich(t(one ? 'made.one' : 'made', { name: normLabel(state.norm), count: result.distributions.toLocaleString('en'), size: members.toLocaleString('en') })).flatMap((part) => (typeof part === 'string' && part.includes('{lit}') ? [part.split('{lit}')[0], called(), part.split('{lit}')[1]] : [part])));
  $('sign').replaceChildren(glyph(state.norm, true));
  const alone = result.batch.shape[0] === 1 && app.data.shape[0] > 1 && !app.data.by && state.norm === 'batch' && !result.evaluating;
  const constant = !result.evaluating && result.moments[lit]?.count > 0 && result.moments[lit].m2 === 0;
  const stops = groupsOf(app.data), whole = state.norm === 'group' && stops.length > 1 ? (state.groups === 1 ? 'group.one' : state.groups === stops.at(-1) ? 'group.all' : '') : '';
  $('aside').textContent = whole ? t(whole) : alone ? t(size === 1 ? 'alone.value' : 'alone') : constant ? t('constant') : '';
}
