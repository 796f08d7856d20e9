import uPlot from '/uplot.js';

const byId = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const span = (ms) => (ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`);

// One minute of decisions: seconds since the epoch, allowed, denied.
const points = 120;
const data = [[], [], []];
const axis = () => ({
  stroke: style('--quiet'),
  grid: { stroke: style('--line'), width: 1 },
  ticks: { stroke: style('--line') },
});

let chart;
function drawChart() {
  chart?.destroy();
  const series = (label, color) => ({
    label,
    stroke: style(color),
    width: 2,
    points: { show: false },
    value: (_, v) => (v === null ? '' : v.toFixed(1)),
  });
  const options = {
    width: byId('chart').clientWidth,
    height: 200,
    cursor: { y: false },
    scales: { y: { range: (_u, _min, max) => [0, Math.max(5, max * 1.1)] } },
    axes: [axis(), { ...axis(), size: 40 }],
    series: [{}, series('allowed', '--allowed'), series('denied', '--denied')],
  };
  chart = new uPlot(options, data, byId('chart'));
}
drawChart();
addEventListener('resize', () => chart.setSize({ width: byId('chart').clientWidth, height: 200 }));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawChart);

function cell(text, kind) {
  const element = document.createElement('td');
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

/**
 * Shows one row per item. Rows are kept by key and only their texts change, so that a button is still the same button between press and release.
 */
function fillTable(body, items, { key, columns, action, empty }) {
  const old = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const rows = items.map((item) => {
    const row = old.get(key(item)) ?? newRow(key(item), columns, action?.(item));
    columns.forEach(([value], i) => {
      const text = value(item);
      if (row.cells[i].textContent !== text) row.cells[i].textContent = text;
    });
    return row;
  });
  if (rows.length === 0) {
    const nothing = cell(empty, 'empty');
    nothing.colSpan = columns.length + (action ? 1 : 0);
    const row = document.createElement('tr');
    row.append(nothing);
    rows.push(row);
  }
  body.replaceChildren(...rows);
}

function newRow(key, columns, action) {
  const row = document.createElement('tr');
  row.dataset.key = key;
  row.append(...columns.map(([, kind]) => cell('', kind)));
  if (action !== undefined) {
    const last = cell('');
    last.append(action);
    row.append(last);
  }
  return row;
}

function fillList(list, texts, empty) {
  const items = (texts.length === 0 ? [empty] : texts).map((text) => {
    const item = document.createElement('li');
    item.textContent = text;
    if (texts.length === 0) item.className = 'empty';
    return item;
  });
  list.replaceChildren(...items);
}

let adminToken;
async function forceRelease(path) {
  if (!confirm(`Take the lock on ${path} away from its holder?`)) return;
  adminToken ??= prompt('Admin token') ?? undefined;
  if (!adminToken) return;
  const response = await fetch('/admin/locks/release', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ path }),
  });
  if (response.ok) return;
  if (response.status === 401) adminToken = undefined;
  alert((await response.json()).detail);
}

function releaseButton(path) {
  const button = document.createElement('button');
  button.textContent = 'Release';
  button.addEventListener('click', () => void forceRelease(path));
  return button;
}

const lockColumns = [
  [(lock) => lock.path],
  [(lock) => lock.sessionId],
  [(lock) => span(lock.heldMs), 'number'],
  [(lock) => span(lock.expiresInMs), 'number'],
  [(lock) => String(lock.waiting), 'number'],
  [(lock) => String(lock.fencingToken), 'number'],
];
const queueColumns = [
  [(waiter) => waiter.path],
  [(waiter) => waiter.sessionId],
  [(waiter) => span(waiter.waitedMs), 'number'],
];

function banner(text) {
  byId('banner').textContent = text;
  byId('banner').hidden = text === '';
}

function show(snapshot) {
  byId('where').textContent = `${snapshot.instance} · store: ${snapshot.store}`;
  const trouble = [];
  if (snapshot.fallback)
    trouble.push('The shared store is away: limits are held by this instance’s memory, at its share.');
  if (!snapshot.storeUp)
    trouble.push('Locks cannot be taken until the store is back; the list below is the last one known.');
  banner(trouble.join(' '));
  byId('allowed').textContent = snapshot.allowedPerSecond.toFixed(1);
  byId('denied').textContent = snapshot.deniedPerSecond.toFixed(1);
  byId('held').textContent = String(snapshot.locks.length);
  byId('waiting').textContent = String(snapshot.waiting.length);
  for (const [i, value] of [snapshot.atMs / 1000, snapshot.allowedPerSecond, snapshot.deniedPerSecond].entries()) {
    data[i].push(value);
    if (data[i].length > points) data[i].shift();
  }
  chart.setData(data);
  fillTable(byId('locks'), snapshot.locks, {
    key: (lock) => `${lock.path} ${lock.fencingToken}`,
    columns: lockColumns,
    action: (lock) => (snapshot.adminEnabled ? releaseButton(lock.path) : ''),
    empty: 'No locks are held.',
  });
  fillTable(byId('queue'), snapshot.waiting, {
    key: (waiter) => `${waiter.path} ${waiter.sessionId}`,
    columns: queueColumns,
    empty: 'Nobody waits.',
  });
  const sessions = new Map();
  for (const lock of snapshot.locks) sessions.set(lock.sessionId, [...(sessions.get(lock.sessionId) ?? []), lock.path]);
  fillList(
    byId('sessions'),
    [...sessions].sort().map(([id, held]) => `${id}: ${held.join(', ')}`),
    'No session holds a lock.',
  );
  fillList(
    byId('instances'),
    snapshot.instances.map(({ name, url }) => `${name} ${url}`),
    'Only this one.',
  );
}

const events = new EventSource('/events');
events.addEventListener('message', (event) => show(JSON.parse(event.data)));
events.addEventListener('error', () => banner('This instance does not answer; trying again.'));
