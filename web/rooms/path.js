// SPDX-License-Identifier: Apache-2.0
// The guided path: seven steps, each a question that is answered by doing.
import { app, act, $, t, make, refill, rich } from './app.js';
import { STEPS } from '../model/guide.js';
import { AT_REST } from '../model/state.js';
import { forget } from './running.js';

const LAST = STEPS.length;
const stepOf = () => Math.min(LAST, Math.max(1, Math.round(app.state.step)));

export function goTo(step) {
  const { state } = app;
  state.step = Math.min(LAST, Math.max(1, step));
  const { names, ...set } = STEPS[state.step - 1].set;
  Object.assign(state, { stage: 3, level: 'layer2' }, AT_REST, set);
  app.edits.clear();
  $('own').hidden = true;
  act.open(names);
}

export function drawPath() {
  const { state, result, data, solved } = app, step = stepOf(), key = `g${step}`;
  if (result && STEPS[step - 1].done(state, result, data)) solved.add(step);
  const name = (k) => (solved.has(k) ? t('step.done', { n: k }) : t('step', { n: k }));
  refill($('steps'), ...STEPS.map((_, n) => n + 1).map((k) => make('li', {}, make('button', { type: 'button', 'data-key': `step.${k}`, class: solved.has(k) ? 'done' : '', 'aria-label': name(k), ...(k === step ? { 'aria-current': 'step' } : {}), onclick: () => goTo(k) }, solved.has(k) && k !== step ? '✓' : String(k)))));
  $('guide-title').textContent = t(key);
  $('guide-text').textContent = t(`${key}.text`);
  $('guide-ask').textContent = t(`${key}.ask`);
  const answer = solved.has(step) ? `${t('done')} ${t(`${key}.answer`)}` : '';
  if ($('guide-answer').textContent !== answer) $('guide-answer').textContent = answer;
  $('guide-again').hidden = state.data === STEPS[step - 1].set.data;
  $('guide-back').disabled = step === 1;
  $('guide-next').disabled = step === LAST;
  $('guide-next').classList.toggle('primary', solved.has(step));
  const ended = step === LAST && solved.has(LAST);
  $('recap').hidden = !ended;
  $('recap').replaceChildren(...(ended ? [make('h3', {}, t('recap')), make('dl', {}, ...[1, 2, 3, 4].flatMap((k) => [make('dt', {}, t(`recap.${k}`)), make('dd', {}, ...rich(t(`recap.${k}.text`)))]))] : []));
}

export function listenToPath() {
  $('guide-back').addEventListener('click', () => goTo(app.state.step - 1));
  $('guide-again').addEventListener('click', () => goTo(stepOf()));
  $('guide-next').addEventListener('click', () => goTo(app.state.step + 1));
  $('reset').addEventListener('click', () => {
    app.solved.clear();
    forget();
    goTo(1);
    scrollTo({ top: 0 });
  });
}
