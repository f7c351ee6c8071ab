/**
 * The one client script. Pages work without it; with it live values arrive, keys work, the chart has
 * values under the pointer, and times are in the reader's zone. It holds no state of its own: a part
 * of the page that may have changed is read again from the server and put in place.
 */

const $ = (selector, within = document) => within.querySelector(selector)
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)]

/** The zone goes to the server once, so that every later page is right from its first byte. */
function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  if (!zone || document.documentElement.dataset.zone === zone) return
  document.cookie = `picket-zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=strict`
  const once = sessionStorage.getItem('picket-zone') === zone
  sessionStorage.setItem('picket-zone', zone)
  if (!once && $('time')) location.reload()
}

/** `/first#CODE`: a fragment is never sent, so the code is in no log and no referrer. */
function takeCodeFromFragment() {
  const field = $('#code')
  if (!field || location.hash.length < 2) return
  field.value = decodeURIComponent(location.hash.slice(1)).replace(/^code=/, '')
  history.replaceState(null, '', location.pathname)
}

/** The toast is shown once: a reload must not say again what was done. */
function forgetSaid() {
  const url = new URL(location.href)
  if (!url.searchParams.has('said')) return
  url.searchParams.delete('said')
  history.replaceState(null, '', url.pathname + url.search)
}

function submitOnChange() {
  for (const select of $$('select[form="search"]'))
    select.addEventListener('change', () => $('#search').requestSubmit())
  // Empty fields stay out of the URL that people share.
  $('#search')?.addEventListener('submit', () => {
    for (const field of $$('#search [name], [form="search"][name]'))
      if (field.value === '') field.disabled = true
  })
  addEventListener('pageshow', () => {
    for (const field of $$('#search [name], [form="search"][name]')) field.disabled = false
  })
}

/* ── live ───────────────────────────────────────────────────────────── */

const REFRESH_MS = 1500
const SLOW_REFRESH_MS = 10_000
let refreshing = false
let wanted = 0

function listen() {
  if (!$('[data-live]') || typeof EventSource === 'undefined') return
  const source = new EventSource('/live')
  if (location.pathname.startsWith('/fleet')) return hear(source, [['fleet', REFRESH_MS]])
  source.addEventListener('status', ({ data }) => {
    const status = JSON.parse(data)
    if (location.pathname === '/now') {
      setText($('#sentence'), status.sentence)
      $('#sentence')?.classList.toggle('long', status.sentence.length > 110)
      setText($('#basis'), status.basis.join(' · '))
    }
    want(SLOW_REFRESH_MS)
  })
  hear(source, [
    ['finding', REFRESH_MS],
    ['action', REFRESH_MS / 5],
  ])
}

/** Each event makes the page read itself again soon. */
function hear(source, kinds) {
  for (const [kind, ms] of kinds) source.addEventListener(kind, () => want(ms))
  source.addEventListener('end', () => {
    source.close()
    location.reload() // signed out elsewhere, or another role: the server decides what is shown now
  })
  addEventListener('pagehide', () => source.close())
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && wanted) void refresh()
  })
}

function setText(element, text) {
  if (element && element.textContent.trim() !== text) element.textContent = text
}

/** Reads the page again soon; many wishes become one. */
function want(ms) {
  const due = Date.now() + ms
  if (wanted && wanted <= due) return
  wanted = due
  setTimeout(() => void refresh(), ms)
}

async function refresh() {
  if (refreshing || document.hidden || !wanted) return
  refreshing = true
  wanted = 0
  try {
    const reply = await fetch(location.href, {
      headers: { accept: 'text/html' },
      redirect: 'error',
    })
    if (reply.ok) replaceParts(new DOMParser().parseFromString(await reply.text(), 'text/html'))
  } catch {
    // The next event tries again; what is shown stays as it is.
  } finally {
    refreshing = false
  }
}

/** Parts that differ are exchanged; ticks, selection, open details and focus are kept. */
function replaceParts(fresh) {
  for (const part of $$('[data-live]')) {
    const other = $(`[data-live="${part.dataset.live}"]`, fresh)
    if (!other || other.innerHTML === part.dataset.was) continue
    if (
      part.contains(document.activeElement) &&
      document.activeElement.matches('input, select, textarea')
    )
      continue
    const kept = remember(part)
    part.dataset.was = other.innerHTML
    part.replaceChildren(...other.childNodes)
    restore(part, kept)
  }
  for (const selector of ['#sentence', '#basis', '#mark', '.tabs']) {
    const [here, there] = [$(selector), $(selector, fresh)]
    if (here && there && here.innerHTML !== there.innerHTML) here.innerHTML = there.innerHTML
  }
  drawTraffic()
}

function remember(part) {
  return {
    ticked: $$('input[type=checkbox]:checked', part).map(({ value }) => value),
    open: $$('details[open]', part).map((each) => each.closest('[data-id]')?.dataset.id ?? ''),
    current: $('.row[aria-current]', part)?.dataset.id,
    focus: part.contains(document.activeElement)
      ? document.activeElement.getAttribute('aria-label')
      : null,
  }
}

function restore(part, { ticked, open, current, focus }) {
  for (const box of $$('input[type=checkbox]', part)) box.checked = ticked.includes(box.value)
  for (const each of $$('details', part))
    if (open.includes(each.closest('[data-id]')?.dataset.id ?? '')) each.open = true
  for (const row of $$('.row', part)) if (row.dataset.id === current && current) select(row, false)
  if (focus)
    $$('[aria-label]', part)
      .find((each) => each.getAttribute('aria-label') === focus)
      ?.focus()
}

/* ── keys ───────────────────────────────────────────────────────────── */

const PAGES = {
  n: '/now',
  f: '/findings',
  l: '/flows',
  s: '/assets',
  c: '/actions',
  r: '/rules',
  t: '/fleet',
}
let going = false

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const typing = event.target.matches(
    'input:not([type=checkbox]):not([type=radio]), select, textarea',
  )
  if (event.key === 'Escape' && typing) return event.target.blur()
  if (typing || $('dialog[open]')) return
  const act = going ? () => go(event.key) : KEYS[event.key]
  going = false
  if (act && act() !== false) event.preventDefault()
}

const KEYS = {
  '/': () => $('#search input')?.focus() ?? $('#search input')?.select(),
  '?': () => help(),
  j: () => step(1),
  k: () => step(-1),
  x: () => tick(),
  a: () => press('approve'),
  r: () => press('reject'),
  u: () => press('undo'),
  g: () => {
    going = true
  },
  Enter: () => open(),
}

function go(key) {
  if (!PAGES[key]) return false
  location.assign(PAGES[key])
}

function rows() {
  return $$('.row')
}

function step(by) {
  const all = rows()
  if (all.length === 0) return false
  const at = all.findIndex((row) => row.hasAttribute('aria-current'))
  const next =
    at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)
  select(all[next], true)
}

function select(row, show) {
  for (const each of rows()) each.removeAttribute('aria-current')
  row.setAttribute('aria-current', 'true')
  if (!show) return
  row.scrollIntoView({ block: 'nearest' })
  say(row.textContent.trim().replaceAll(/\s+/g, ' ').slice(0, 200))
}

/** The selection is told to a screen reader, which sees no colour. */
function say(text) {
  let region = $('#said')
  if (!region) {
    region = document.createElement('p')
    region.id = 'said'
    region.className = 'sr'
    region.setAttribute('aria-live', 'polite')
    document.body.append(region)
  }
  region.textContent = text
}

function current() {
  return $('.row[aria-current]')
}

function tick() {
  const box = current() && $('input[type=checkbox]', current())
  if (!box) return false
  box.checked = !box.checked
}

function open() {
  const row = current()
  if (!row || document.activeElement?.matches('a, button, summary')) return false
  const headed = $('h2 a', row) // a card of its own page, whatever can be unfolded in it
  const summary = $('summary', row)
  if (summary && !headed) summary.click()
  else (headed ?? $('.wide a', row) ?? $('a', row))?.click()
}

/** What is ticked, else the selected row; `u` without either is the toast's own Undo. */
function press(verb) {
  const ticked = $$('.actions input[type=checkbox]:checked')
  const [first] = ticked
  if (first) {
    const button = $(`.bulk [formaction="/actions/${verb}"]`, first.form)
    if (button) return button.click()
  }
  const row = current()
  const button = row && $(`[data-verb="${verb}"]`, row)
  if (button) return button.click()
  const toast = verb === 'undo' && $('#toast button')
  if (toast) return toast.click()
  return false
}

function help() {
  let dialog = $('#help')
  if (!dialog) {
    dialog = document.createElement('dialog')
    dialog.id = 'help'
    dialog.className = 'help'
    dialog.setAttribute('aria-labelledby', 'help-title')
    const title = document.createElement('h2')
    title.id = 'help-title'
    title.textContent = 'Keys'
    const list = document.createElement('dl')
    list.className = 'pairs'
    for (const [key, what] of HELP) {
      const [line, name, value, cap] = ['div', 'dt', 'dd', 'kbd'].map((tag) =>
        document.createElement(tag),
      )
      cap.textContent = key
      value.textContent = what
      name.append(cap)
      line.append(name, value)
      list.append(line)
    }
    const form = document.createElement('form')
    form.method = 'dialog'
    const close = document.createElement('button')
    close.className = 'button'
    close.textContent = 'Close'
    form.append(close)
    dialog.append(title, list, form)
    document.body.append(dialog)
  }
  dialog.showModal()
}

const HELP = [
  ['/', 'search this list'],
  ['j  k', 'next row, row before'],
  ['Enter', 'open the row'],
  ['x', 'tick the row'],
  ['a', 'approve the row, or what is ticked'],
  ['r', 'reject it'],
  ['u', 'undo it, or what was just done'],
  [
    'g n',
    'go to Now; g f findings, g l flows, g s assets, g c actions, g r rules, g t Fleet Command',
  ],
  ['Esc', 'leave a field'],
]

/* ── the traffic chart ──────────────────────────────────────────────── */

let plot
let drawn

/** Seen above the line, lost below it, on one axis of time; each with its own scale. */
function drawTraffic() {
  const block = $('#traffic-points')
  const place = $('#plot')
  if (!block || !place || typeof uPlot === 'undefined' || block === drawn) return
  drawn = block
  const { at, frames, dropped, zone } = JSON.parse(block.textContent)
  const css = getComputedStyle(document.documentElement)
  const ink = (name) => resolve(css.getPropertyValue(name).trim())
  const young = at[at.length - 1] - at[0] < 300 // seconds are told where minutes would say the same twice
  const lost = dropped.map((value) => (value ? -value : null)) // a bar of nothing would still be drawn
  $('#traffic').hidden = true
  place.hidden = false
  plot?.destroy()
  plot = new uPlot(
    {
      width: place.clientWidth,
      height: 192,
      padding: [8, 28, 0, 0], // room for half of the last word of the axis
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      cursor: { points: { size: 6 }, drag: { x: false, y: false } },
      legend: { live: true },
      scales: {
        x: { time: true },
        seen: { range: (_, __, top) => [-0.32 * nice(top), nice(top)] },
        lost: { range: (_, low) => [-nice(-low), nice(-low) / 0.32] },
      },
      axes: [
        {
          stroke: ink('--n5'),
          values: (_, splits) =>
            splits.map((each) => clock(each, zone, young ? '2-digit' : undefined)),
          grid: { show: false },
          ticks: { show: false },
          incrs: [30, 60, 300, 600, 900],
          size: 24,
          font: font(css),
        },
        {
          scale: 'seen',
          stroke: ink('--n5'),
          grid: { stroke: ink('--n3'), width: 1 },
          ticks: { show: false },
          size: 72,
          font: font(css),
          splits: (u) => [u.scales.seen.min, 0, u.scales.seen.max / 2, u.scales.seen.max],
          values: (u, splits) => splits.map((each) => axisWord(u, each)),
        },
      ],
      series: [
        {
          label: 'At',
          value: (_, x) => (x === null ? '–' : clock(x, zone, '2-digit')),
        },
        {
          label: 'Seen',
          scale: 'seen',
          stroke: ink('--accent'),
          fill: ink('--accent-soft'),
          width: 1.5,
          points: { show: false },
          value: (u, v) => told(u, v),
        },
        {
          label: 'Lost',
          scale: 'lost',
          stroke: ink('--n7'),
          fill: ink('--n7'),
          width: 0,
          paths: uPlot.paths.bars({ size: [1, 8] }),
          points: { show: false },
          value: (u) => told(u, dropped[u.cursor.idx] ?? null),
        },
      ],
    },
    [at, frames, lost],
    place,
  )
}

/** Below the line the scale is that of the lost frames. */
function axisWord(u, value) {
  if (value < 0) return `lost ${rate(-u.scales.lost.min)}`
  return value === 0 ? '0' : rate(value)
}

function told(u, value) {
  if (u.cursor.idx === null || u.cursor.idx === undefined) return '–'
  return value === null ? 'not running' : rate(value)
}

function clock(seconds, zone, second) {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    second,
  })
}

addEventListener('resize', () => {
  const place = $('#plot')
  if (plot && place) plot.setSize({ width: place.clientWidth, height: 192 })
})
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  drawn = undefined
  drawTraffic()
})

/** A canvas does not know light-dark(): the browser resolves it on an element. */
function resolve(colour) {
  const probe = document.createElement('i')
  probe.style.color = colour
  document.body.append(probe)
  const value = getComputedStyle(probe).color
  probe.remove()
  return value
}

function font(css) {
  return `12px ${css.getPropertyValue('--sans')}`
}

function nice(value) {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 3, 4, 5].find((each) => each * power >= value) ?? 10)
}

function rate(value) {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M/s`
  if (value >= 1000) return `${Number((value / 1000).toPrecision(3))} k/s`
  return `${Number(value.toPrecision(3))} /s`
}

/** On a phone the tabs scroll: where one is must be among those that are seen. */
function showTab() {
  const bar = $('.tabs')
  const tab = bar && $('[aria-current]', bar)
  if (tab) bar.scrollLeft = tab.offsetLeft - (bar.clientWidth - tab.clientWidth) / 2
}

tellZone()
takeCodeFromFragment()
forgetSaid()
submitOnChange()
for (const part of $$('[data-live]')) part.dataset.was = part.innerHTML
showTab()
drawTraffic()
listen()
document.addEventListener('keydown', onKey)
