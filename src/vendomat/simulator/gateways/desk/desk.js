// The control page's script: asks the control API every two seconds, draws what it says, calls it on a press.
//
// Everything is put into the page as text, never as markup. A section is drawn again only when it has changed, so that
// a form under somebody's hands stays as it is.
'use strict';
const given = JSON.parse(document.getElementById('given').textContent);
const t = given.texts, words = given.words;
const shown = {platform: new URLSearchParams(location.hash.slice(1)).get('p') || 'wechat', buyer: 'buyer-1', seen: {}};
let ahead = 0, busy = false;

function el(name, more, ...inside) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(more || {})) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, '');
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(key, value);
  }
  for (const part of inside.flat()) if (part !== null && part !== undefined) node.append(part);
  return node;
}
const say = (key, value) => t[key].replace('{}', value);
function tell(text, isBad) {
  const place = document.getElementById('said');
  place.textContent = text;
  place.className = isBad ? 'shown bad' : 'shown';
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { place.className = ''; }, isBad ? 6000 : 2200);
}
async function ask(method, path, body) {
  const answer = await fetch('/control/' + path, {method, body: body === undefined ? undefined : JSON.stringify(body)});
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message ? said.error + ': ' + said.message : said.error);
  return said;
}
async function act(method, path, body, done) {
  try {
    const said = await ask(method, path, body);
    tell(done ? done(said) : t.done);
    await refresh();
    return said;
  } catch (error) { tell(say('failed', error.message), true); return null; }
}
const money = (minor, currency) => currency && currency !== 'CNY'
  ? currency + ' ' + (currency === 'JPY' ? minor : (minor / 100).toFixed(2)) : '¥' + (minor / 100).toFixed(2);
const short = (text, most) => text.length > most ? text.slice(0, most - 1) + '…' : text;
const brief = (number) => number.length > 20 ? number.slice(0, 4) + '…' + number.slice(-10) : number;
const cell = (number) => el('td', {class: 'number', title: number}, brief(number));
const nameOf = (payer) => words.buyers[payer] ? words.buyers[payer][given.language] : payer;
const option = (value, label, current) => el('option', {value, selected: value === current}, label);
const choice = (name, list, blank) => el('select', {name}, blank === undefined ? [] : option('', blank),
  list.map((one) => option(one, one)));
const label = (key, field, kind) => el('label', {class: kind || ''}, t[key], field);
const tick = (key) => el('label', {class: 'tick'}, el('input', {type: 'checkbox', name: key}), t[key]);
const field = (name, more) => el('input', {name, autocomplete: 'off', ...more});
function values(form) {
  const found = {};
  for (const one of form.elements) if (one.name) found[one.name] = one.type === 'checkbox' ? one.checked : one.value;
  return found;
}
const form = (id, send, ...inside) => el('form', {class: 'row', 'data-testid': id,
  onsubmit: (event) => { event.preventDefault(); send(values(event.target), event.target); }}, ...inside);
const card = (key, ...inside) => el('section', {class: 'card', 'data-testid': 'card-' + key},
  el('h2', {}, t[key]), ...inside);
const table = (heads, rows) => el('div', {class: 'scroll', tabindex: '0', role: 'region'}, el('table', {},
  el('thead', {}, el('tr', {}, heads.map((key) => el('th', {scope: 'col'}, key ? t[key] : '')))),
  el('tbody', {}, rows)));
const press = (key, send, kind) => el('button', {type: 'button', class: kind || '', 'data-testid': key, onclick: send}, t[key]);

const at = (path) => shown.platform + '/' + path;
function clockCard(clock) {
  const moves = [['minutes_15', {seconds: 900}], ['hours_2', {hours: 2}], ['hours_24', {hours: 24}], ['days_7', {days: 7}]];
  const far = clock.ahead_s < 1 ? t.clock_true : say('clock_ahead', span(clock.ahead_s));
  return card('clock', el('div', {class: 'clock'},
    el('div', {}, el('b', {id: 'now', 'data-testid': 'now'}, ''), el('small', {'data-testid': 'ahead'}, clock.is_movable ? far : t.clock_fixed)),
    el('div', {class: 'row'}, moves.map(([key, by]) => el('button', {type: 'button', 'data-testid': key, disabled: !clock.is_movable,
      onclick: () => { tell(t.moving); act('POST', 'clock/advance', by); }}, '+ ' + t[key])))),
    el('p', {class: 'hint'}, t.clock_hint));
}
function span(seconds) {
  const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, minutes = Math.floor(seconds / 60) % 60;
  return [[days, 'd'], [hours, 'h'], [minutes, 'min']].filter(([n]) => n).map(([n, unit]) => n + ' ' + unit).join(' ') || '< 1 min';
}
function accountsCard({books}) {
  const rows = books.accounts.map((one) => el('tr', {}, el('td', {}, one.name), cell(one.account),
    el('td', {class: 'sum', 'data-testid': 'balance'}, money(one.balance_fen)),
    el('td', {class: 'deeds'}, el('button', {type: 'button', onclick: () => askBalance(one)}, t.set))));
  const modes = el('select', {name: 'mode'}, option('public_key', t.public_key), option('certificate', t.certificate));
  return card('accounts',
    rows.length ? table(['account_name', 'account', 'balance', ''], rows) : [el('p', {class: 'none'}, t.accounts_none), el('p', {class: 'hint'}, t.accounts_hint)],
    form('open-account', openAccount, label('account_name', field('name', {value: 'Demo', required: true})),
      shown.platform === 'stripe' ? null : label('mode', modes), el('button', {class: 'main', 'data-testid': 'open_account'}, t.open_account)),
    rows.length ? addressForm(books.accounts) : null);
}
function addressForm(accounts) {
  const paths = {stripe: ['stripe/webhook', 'webhook'], wechat: ['wechat/portal-refund-url', 'portal_refund_url']};
  if (!paths[shown.platform]) return null;
  const [path, key] = paths[shown.platform];
  return form(key, (found) => act('POST', path, found),
    label('account', el('select', {name: 'account'}, accounts.map((one) => option(one.account, one.name)))),
    label(key, field('url', {type: 'url', placeholder: 'http://127.0.0.1:8000/…'}), 'wide'), el('button', {}, t.set));
}
function askBalance(one) {
  const text = prompt(t.balance + ' — ' + one.name + ' (' + t.amount_fen + ')', one.balance_fen);
  if (text !== null) act('POST', at('balance'), {account: one.account, balance_fen: Number(text)});
}
async function openAccount(found) {
  const opened = await act('POST', 'merchants', {name: found.name, mode: found.mode || 'public_key', platforms: [shown.platform]});
  if (!opened) return;
  const text = JSON.stringify(opened[shown.platform], null, 2), place = document.getElementById('keys');
  place.replaceChildren(el('div', {class: 'card', 'data-testid': 'keys'}, el('h2', {}, t.keys_once,
    el('button', {type: 'button', onclick: () => navigator.clipboard.writeText(text).then(() => tell(t.copied))}, t.copy)),
    el('pre', {tabindex: '0'}, text)));
}
function codesCard({codes}) {
  const buyers = el('select', {'aria-label': t.as_buyer, onchange: (event) => { shown.buyer = event.target.value; }},
    Object.entries(words.buyers).map(([id, names]) => option(id, names[given.language], shown.buyer)));
  const body = (more) => ({payer: shown.buyer, ...more});
  const items = codes.map((code) => el('div', {class: 'item', 'data-testid': 'code'},
    el('div', {class: 'what'}, el('div', {}, el('b', {}, code.description || code.number), el('small', {}, code.payee + ' · ' + code.number)),
      el('span', {class: 'sum'}, money(code.amount_fen, code.currency))),
    el('div', {class: 'row'},
      press('pay', () => act('POST', at('pay'), body({code: code.code})), 'main'),
      press('pay_lost', () => act('POST', at('pay'), body({code: code.code, lose_network: true}))),
      press('pay_late', () => act('POST', at('pay'), body({code: code.code, late: true}))),
      press('scan', () => act('POST', at('scan'), body({code: code.code}))),
      press('wrong_password', () => act('POST', at('pay'), body({code: code.code, wrong_password: true}))))));
  const wallet = el('a', {class: 'button', href: new URL('/wallet', given.addresses[shown.platform]).href, target: '_blank', rel: 'noopener'}, t.wallet);
  return card('codes', el('div', {class: 'row'}, label('as_buyer', buyers), wallet),
    items.length ? items : [el('p', {class: 'none'}, t.codes_none), el('p', {class: 'hint'}, t.codes_hint)]);
}
const WAITING = ['USERPAYING', 'WAIT_BUYER_PAY'];
function tradesCard({books, codes}) {
  const scanned = new Set(codes.map((code) => code.number));
  const rows = books.trades.slice(-30).reverse().map((one) => el('tr', {'data-testid': 'trade'}, cell(one.number),
    el('td', {class: 'sum'}, money(one.amount_fen, one.currency)), el('td', {}, el('span', {class: 'state'}, one.state)),
    el('td', {}, nameOf(one.payer)), el('td', {class: 'sum'}, one.refunded_fen ? money(one.refunded_fen, one.currency) : ''),
    el('td', {class: 'deeds'}, WAITING.includes(one.state) && !scanned.has(one.number) ? ['confirm', 'decline'].map((deed) =>
      press(deed, () => act('POST', at(deed), {number: one.number, payer: shown.buyer}))) : null,
      one.is_paid ? null : press('forge', () =>
      act('POST', at('notices/forge'), {number: one.number}, (said) => said.answer)))));
  return card('trades', rows.length ? table(['number', 'amount', 'state', 'payer', 'refunded', ''], rows) : el('p', {class: 'none'}, t.trades_none));
}
function refundsCard({books}) {
  const rows = books.refunds.slice(-30).reverse().map((one) => el('tr', {}, cell(one.refund_number || one.refund_id),
    cell(one.number), el('td', {class: 'sum'}, money(one.amount_fen)), el('td', {}, el('span', {class: 'state'}, one.state))));
  return card('refunds', rows.length ? table(['refund_number', 'number', 'amount', 'state'], rows) : el('p', {class: 'none'}, t.refunds_none),
    form('next-refund', (found) => act('POST', at('refunds/outcome'), {outcome: found.outcome}),
      label('next_refund', choice('outcome', words.outcomes[shown.platform]), 'wide'), el('button', {}, t.set)));
}
function noticesCard({notices}) {
  const items = notices.slice(-30).reverse().map((one) => {
    const guise = el('select', {'aria-label': t.as_guise}, words.guises.map((word) => option(word, word)));
    return el('div', {class: 'item', 'data-testid': 'notice'},
      el('div', {class: 'what'}, el('div', {}, el('b', {title: one.number}, brief(one.number)), el('small', {}, one.kind)),
        el('span', {class: 'sum'}, el('span', {class: 'state'}, one.state), ' × ' + one.sendings)),
      one.answers.length ? el('p', {class: 'said'}, short(one.answers.at(-1), 160)) : null,
      el('div', {class: 'row'}, guise, press('resend', () =>
        act('POST', at('notices/resend'), {notice_id: one.notice_id, guise: guise.value}, (said) => said.answer))));
  });
  return card('notices', items.length ? items : el('p', {class: 'none'}, t.notices_none));
}
function faultsCard({faults}) {
  const all = [...faults.calls.map((one) => ['fault_call', one]), ...faults.notices.map((one) => ['fault_notice', one])];
  const rows = all.map(([kind, one]) => el('tr', {'data-testid': 'fault'}, el('td', {}, t[kind]), el('td', {}, el('span', {class: 'state'}, one.fault)),
    el('td', {}, [one.platform || t.any, one.verb || t.any, one.number].filter(Boolean).join(' · ')), el('td', {class: 'sum'}, one.count < 0 ? '∞' : '× ' + one.count)));
  const send = (path) => (found, place) => { place.reset(); act('POST', path, {...found, platform: shown.platform, count: Number(found.count), delay_s: Number(found.delay_s || 0)}); };
  const count = () => label('times', field('count', {type: 'number', value: '1', min: '-1', required: true}));
  return card('faults', rows.length ? table(['', '', '', ''], rows) : el('p', {class: 'none'}, t.faults_none),
    form('call-fault', send('faults/calls'), label('fault_call', choice('fault', words.call_faults), 'wide'),
      label('verb', choice('verb', words.verbs[shown.platform], t.any)), label('only_number', field('number')), count(), el('button', {}, t.add)),
    form('notice-fault', send('faults/notices'), label('fault_notice', choice('fault', words.notice_faults), 'wide'),
      label('only_number', field('number')), label('delay_s', field('delay_s', {type: 'number', value: '0', min: '0'})), count(), el('button', {}, t.add)),
    rows.length ? press('clear_all', () => act('DELETE', 'faults')) : null);
}
function habitsCard() {
  const buyer = () => el('select', {name: 'payer'}, Object.entries(words.buyers).map(([id, names]) => option(id, names[given.language])));
  return card('habits', form('habits', (found) => act('POST', at('habits'), {...found, balance_fen: Number(found.balance_fen)}),
    label('as_buyer', buyer()), label('wallet_balance', field('balance_fen', {type: 'number', value: '1000000', min: '0'})),
    ...['asks_password', 'refuses_card', 'has_bank_trouble'].map(tick), el('button', {}, t.set)),
    shown.platform === 'stripe' ? null : form('show-code', (found) => act('POST', at('payment-code'), found, (said) => said.code),
      label('as_buyer', buyer()), el('button', {}, t.show_code)));
}
function billsCard({books, changes}) {
  if (!changes) return null;
  const accounts = () => el('select', {name: 'account', required: true}, books.accounts.map((one) => option(one.account, one.name)));
  const rows = changes.map((one) => el('tr', {}, el('td', {}, el('span', {class: 'state'}, one.difference)), el('td', {}, one.day), cell(one.number)));
  const today = new Date(Date.now() + ahead * 1000 + 8 * 3600e3).toISOString().slice(0, 10);
  return card('bills', el('p', {class: 'hint'}, t.bills_hint),
    rows.length ? table(['difference', 'day', 'number'], rows) : el('p', {class: 'none'}, t.bills_none),
    form('bill-change', (found) => act('POST', at('bills/changes'), {...found, amount_fen: Number(found.amount_fen)}),
      label('difference', choice('difference', words.differences)), label('account', accounts()),
      label('day', field('day', {type: 'date', value: today, required: true})), label('number', field('number')),
      label('amount_fen', field('amount_fen', {type: 'number', value: '0'})), el('button', {}, t.add)),
    rows.length ? press('clear_all', () => act('DELETE', at('bills/changes'))) : null,
    form('fee', (found) => act('POST', at('fee'), {account: found.account, basis_points: Number(found.basis_points)}),
      label('account', accounts()), label('fee', field('basis_points', {type: 'number', value: '60', min: '0', max: '10000'})), el('button', {}, t.set)));
}
function keysCard() {
  if (shown.platform === 'stripe') return null;
  return card('keys', press('rotate', () => act('POST', at('keys/rotate'), {}, (said) => JSON.stringify(said))),
    shown.platform === 'wechat' ? form('share', (found) => act('POST', at('keys/share'), {percent: Number(found.percent)}),
      label('share', field('percent', {type: 'number', value: '100', min: '0', max: '100'})), el('button', {}, t.set)) : null,
    el('p', {class: 'hint'}, t.keys_hint));
}
function howtoCard() {
  return el('section', {class: 'card'}, el('details', {}, el('summary', {}, t.howto), el('ol', {}, [1, 2, 3, 4, 5].map((n) =>
    el('li', {}, n === 2 ? say('howto_2', given.addresses[shown.platform]) : t['howto_' + n])))));
}

const SECTIONS = [
  ['left', 'accounts', accountsCard, ['books']], ['left', 'codes', codesCard, ['codes']], ['left', 'trades', tradesCard, ['books', 'codes']],
  ['left', 'refunds', refundsCard, ['books']], ['left', 'notices', noticesCard, ['notices']], ['right', 'howto', howtoCard, []],
  ['right', 'faults', faultsCard, ['faults']], ['right', 'habits', habitsCard, []], ['right', 'bills', billsCard, ['changes', 'accounts']], ['right', 'keys', keysCard, []],
];
function frame() {
  document.body.dataset.platform = shown.platform;
  shown.seen = {};
  const slots = (side) => SECTIONS.filter(([where]) => where === side).map(([, id]) => el('div', {id: 'at-' + id}));
  document.getElementById('desk').replaceChildren(el('div', {id: 'at-clock'}),
    el('div', {class: 'tabs', role: 'tablist'}, Object.keys(given.addresses).map((name) => el('button', {type: 'button', role: 'tab',
      'data-testid': 'tab-' + name, 'aria-selected': String(name === shown.platform),
      onclick: () => { shown.platform = name; location.hash = 'p=' + name; frame(); refresh(); }}, t[name]))),
    el('div', {id: 'keys'}),
    el('div', {class: 'columns'}, el('div', {class: 'stack'}, slots('left')), el('div', {class: 'stack'}, slots('right'))));
}
function draw(id, key, make) {
  const place = document.getElementById('at-' + id);
  if (!place || shown.seen[id] === key) return;
  const inside = place.contains(document.activeElement) ? document.activeElement : null;
  if (inside && /^(INPUT|SELECT)$/.test(inside.tagName)) return;
  const testid = inside && inside.dataset.testid;
  shown.seen[id] = key;
  const made = make();
  place.replaceChildren(...(made ? [made] : []));
  if (testid) { const again = place.querySelector('[data-testid="' + testid + '"]'); if (again) again.focus(); }
}
async function refresh() {
  if (busy) { refresh.again = true; return; }
  busy = true;
  const platform = shown.platform;
  try {
    const [clock, books, codes, notices, faults, changes] = await Promise.all([ask('GET', 'clock'), ask('GET', at('books')),
      ask('GET', at('codes')), ask('GET', at('notices')), ask('GET', 'faults'), platform === 'stripe' ? null : ask('GET', at('bills/changes'))]);
    ahead = (new Date(clock.now) - Date.now()) / 1000;
    if (platform === shown.platform) {
      const all = {clock, books, codes, notices, faults, changes, accounts: books.accounts.map((one) => one.account + one.name)};
      draw('clock', JSON.stringify([clock.ahead_s, clock.is_movable]), () => clockCard(clock));
      for (const [, id, make, parts] of SECTIONS) draw(id, platform + JSON.stringify(parts.map((part) => all[part])), () => make(all));
    }
  } catch (error) { tell(t.offline, true); }
  busy = false;
  tickClock();
  if (refresh.again) { refresh.again = false; await refresh(); }
}
function tickClock() {
  const place = document.getElementById('now');
  if (place) place.textContent = new Date(Date.now() + ahead * 1000).toLocaleString(document.documentElement.lang, {hour12: false});
}
frame();
refresh();
setInterval(tickClock, 1000);
setInterval(() => { if (!document.hidden) refresh(); }, 2000);
