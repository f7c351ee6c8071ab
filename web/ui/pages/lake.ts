/** The lake: what is kept, since when, how long the disk lasts, and what is wrong with it. */
import { usFromIso } from '../../../agent/base/clock.ts'
import type { LakeView } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { bytesText, count, plural, span } from '../../base/words.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { layout } from '../layout.ts'
import { when } from '../marks.ts'
import { card, note } from '../parts.ts'

const FILES_MANY = 1000 // compaction keeps a few dozen

function oldestTimes(lake: LakeView): number[] {
  return lake.tenants.flatMap(({ oldestRow }) => (oldestRow ? [usFromIso(oldestRow)] : []))
}

/** Of the tenant whose lake is full first; nothing while there is too little to tell of any. */
function horizonWords(lake: LakeView, view: View): Html {
  const known = lake.tenants.flatMap(({ horizon }) => horizon ?? [])
  const first = known.toSorted((a, b) => (a.fullOnUs ?? Infinity) - (b.fullOnUs ?? Infinity))[0]
  if (!first) return html`<b>Too early to say</b> when the disk is full: less than an hour of rows.`
  const { bytesPerDay, overDays, fullOnUs } = first
  const rate = `${bytesText(bytesPerDay)} a day, the mean of ${plural(Math.max(1, Math.round(overDays)), 'day')}`
  return fullOnUs === null
    ? html`<b>The disk outlasts the promise</b> at today’s rate: ${rate}.`
    : html`<b>The disk holds until ${view.zone.date(fullOnUs)}</b> at today’s rate: ${rate}.`
}

export function lakeSummary(lake: LakeView, view: View): Html {
  const sum = (of: (each: LakeView['tenants'][number]) => number) =>
    lake.tenants.reduce((total, each) => total + of(each), 0)
  const oldest = (of: 'oldestRowTier1' | 'oldestRowTier2') => {
    const times = lake.tenants.flatMap((each) => (each[of] ? [usFromIso(each[of])] : []))
    return times.length > 0 ? html`oldest row ${when(view.zone, Math.min(...times))}` : 'empty'
  }
  const faults = lake.tenants.flatMap(({ fault }) => (fault ? [fault] : []))
  const bytes = sum((each) => each.bytes)
  const first = Math.min(...oldestTimes(lake))
  const disk = lake.disk
  return html`<p>${horizonWords(lake, view)}</p>
${diskBar(lake)}
<table class="data keep"><tbody>
<tr><td class="tight"><i class="swatch t1"></i>Lake</td><td class="num">${bytesText(bytes)}</td><td class="num">${Number.isFinite(first) ? html`oldest row ${when(view.zone, first)}` : 'empty'}</td></tr>
<tr><td class="tight"><i class="swatch ring"></i>Other on this disk</td><td class="num">${bytesText(Math.max(0, disk.totalBytes - disk.freeBytes - bytes))}</td><td class="num"></td></tr><tr><td class="tight"><i class="swatch"></i>Free</td><td class="num">${bytesText(disk.freeBytes)}</td><td class="num">of ${bytesText(disk.totalBytes)}</td></tr>
</tbody></table>
<p class="basis">${plural(
    sum((each) => each.rows),
    'row',
  )} kept, encrypted. Hot: ${plural(
    sum((each) => each.tier1Files),
    'file',
  )}, ${oldest('oldestRowTier1')}. Compacted: ${plural(
    sum((each) => each.tier2Files),
    'file',
  )}, ${oldest('oldestRowTier2')}.</p>
${lake.clock ? note('error', lake.clock, html`Set the clock of this box, or its time server.`) : NOTHING}
${faults.map((fault) => note('error', fault, html`See <a href="/lake">Lake</a>.`))}`
}

/** The disk as a bar: the lake, everything else on it, and what is free. */
function diskBar(lake: LakeView): Html {
  const { totalBytes, freeBytes } = lake.disk
  const bytes = lake.tenants.reduce((total, each) => total + each.bytes, 0)
  const scale = 1000 / totalBytes
  const own = Math.max(bytes > 0 ? 3 : 0, bytes * scale)
  const other = Math.max(0, (totalBytes - freeBytes) * scale - own)
  return html`<svg class="tiers" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label="Of ${bytesText(totalBytes)}: lake ${bytesText(bytes)}, other ${bytesText(Math.max(0, totalBytes - freeBytes - bytes))}, free ${bytesText(freeBytes)}"><rect width="1000" height="16"/><rect class="t1" width="${own.toFixed(1)}" height="16"/><rect class="ring" x="${(own + 2).toFixed(1)}" width="${Math.max(0, other - 2).toFixed(1)}" height="16"/></svg>`
}

export function lakePage(view: View, lake: LakeView): Html {
  const rows = lake.tenants.reduce((sum, each) => sum + each.rows, 0)
  const oldest = Math.min(...oldestTimes(lake))
  const wrong = lake.tenants.filter(({ fault, aside }) => fault || aside > 0)
  const sentence =
    wrong.length > 0
      ? `The lake of ${wrong.map(({ tenant_id }) => tenant_id).join(', ')} needs a look.`
      : rows === 0
        ? 'The lake is empty: nothing has been recorded yet.'
        : html`${plural(rows, 'row')} kept, the oldest from ${Number.isFinite(oldest) ? view.zone.date(oldest) : 'now'}.`
  return layout(view, {
    tab: 'lake',
    title: 'Lake',
    sentence,
    basis: html`From the signed catalogs of ${plural(lake.tenants.length, 'tenant')} · settled ${plural(lake.rowsSettled, 'row')} in this run, ${count(Math.round(lake.settleRowsPerSecond))} rows/s while at work`,
    body: html`<div class="split"><div class="stack" data-live="lake">${lake.tenants.length === 0 ? html`<section class="card">${note('empty', 'No lake is in your scope.', 'Ask an administrator of this box which tenants you may see.')}</section>` : lake.tenants.map((each) => html`${tenantCard(each, view)}${roomCard(each, lake, view)}`)}</div>
<div class="stack">${card('Disk', bytesText(lake.disk.totalBytes), html`<div class="pad">${lakeSummary(lake, view)}</div>`)}
${card('What this means', 'in words', html`<div class="pad prose"><p>An event is on disk, encrypted under this tenant’s own key, before it counts as recorded. Seconds later it is a row here; many small files are then joined into large ones.</p><p>A file that is missing, changed or put back to an older version is refused by name. A list that it belonged to says so; it never just gets shorter.</p></div>`)}</div></div>`,
  })
}

function tenantCard(each: LakeView['tenants'][number], view: View): Html {
  const time = (iso: string | null) =>
    iso
      ? html`${when(view.zone, usFromIso(iso))} <small>${span((view.zone.nowUs - usFromIso(iso)) / 1000)} ago</small>`
      : 'empty'
  return card(
    each.tenant_id,
    `catalog generation ${count(each.generation)}`,
    html`<table class="data keep tierlist"><thead><tr><th>Tier</th><th class="num">Files</th><th>Oldest row</th></tr></thead><tbody>
<tr><td>Hot</td><td class="num">${count(each.tier1Files)}</td><td>${time(each.oldestRowTier1)}</td></tr>
<tr><td>Compacted</td><td class="num">${count(each.tier2Files)}</td><td>${time(each.oldestRowTier2)}</td></tr>
</tbody></table>
<dl class="pairs"><div><dt>Rows</dt><dd>${count(each.rows)}</dd></div><div><dt>On disk</dt><dd>${bytesText(each.bytes)}${each.rows > 0 ? html` <small>${bytesText(each.bytes / each.rows)} a row</small>` : NOTHING}</dd></div><div><dt>Waiting to settle</dt><dd>${plural(each.waiting, 'segment')}</dd></div><div><dt>Kept aside</dt><dd>${each.aside === 0 ? 'nothing' : plural(each.aside, 'segment')}</dd></div></dl>${
      each.fault
        ? note(
            'error',
            each.fault,
            html`Detection goes on; whether rows are kept, the sentence on <a href="/">Now</a> says. Ask on the box: <code>picket lake status</code>.`,
          )
        : NOTHING
    }${each.tier1Files > FILES_MANY ? note('error', `${plural(each.tier1Files, 'small file')} wait to be joined.`, 'A question reads each of them, so answers take longer until that is done; it goes on by itself.') : NOTHING}${each.aside > 0 ? note('error', `${plural(each.aside, 'journal segment')} could not be read whole.`, html`They are kept aside, named in <code>picket lake status</code>; what was readable is in the lake.`) : NOTHING}`,
  )
}

/** The room of each store as a bar of its budget, with the words for it beside. */
function roomCard(each: LakeView['tenants'][number], lake: LakeView, view: View): Html {
  const { budgets, promise, overQuota } = each
  const rows = budgets.map(({ store, bytes, bytesMax }) => {
    const part = bytesMax === 0 ? 0 : Math.min(1, bytes / bytesMax)
    const of =
      bytesMax === 0 ? 'off' : html`${bytesText(bytes)} <small>of ${bytesText(bytesMax)}</small>`
    return html`<tr><td class="tight">${store}</td><td class="room"><svg class="tiers" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label="${store}: ${Math.round(part * 100)} % of its room"><rect width="1000" height="16"/><rect class="${part > ROOM_NARROW && store !== 'packet ring' ? 'narrow' : 't1'}" width="${(part * 1000).toFixed(1)}" height="16"/></svg></td><td class="num">${of}</td></tr>`
  })
  return card(
    'Room',
    each.tenant_id,
    html`<table class="data rooms"><thead><tr><th>Store</th><th>Used</th><th class="num">Holds</th></tr></thead><tbody>${rows}</tbody></table>
<div class="pad prose"><p>Each store has room of its own; none can take another’s. ${fullWords(each)} ${wearWords(lake)}</p><p>${rulesWords(each)} <a href="/settings#retention">Change it</a></p>${promise ? html`<p class="basis">${promise.sentence} Looked at ${when(view.zone, usFromIso(promise.at))}, as every day.</p>` : NOTHING}</div>${
      overQuota
        ? note('error', `${plural(overQuota.rows, 'row')} (${bytesText(overQuota.bytes)}) left before their time.`, 'The lake is at its quota. Give it more room, or keep some kinds for fewer days.') // biome-ignore format: one line
        : NOTHING
    }`,
  )
}

function fullWords({ budgets }: LakeView['tenants'][number]): string {
  const parts = budgets
    .filter(({ bytesMax }) => bytesMax > 0)
    .map(({ store, atFull }) => `the ${store} ${atFull}`)
  return `When full, ${parts.join('; ')}.`
}

/** From here on a bar is drawn as a warning; a packet ring that is full is as it should be. */
const ROOM_NARROW = 0.9

export function rulesWords({ retention }: LakeView['tenants'][number]): string {
  const { all = 0, ...own } = retention
  const others = Object.entries(own).map(([kind, days]) => `${kind} ${plural(days, 'day')}`)
  return `Rows are kept ${plural(all, 'day')}${others.length > 0 ? `, but ${others.join(', ')}` : ''}.`
}

function wearWords({ wear }: LakeView): string {
  if (!wear) return 'The wear of the disk is not readable here.'
  const { device, usedPercent, bytesWritten } = wear
  const used = usedPercent === undefined ? 'its wear is not readable here' : `${usedPercent} % of its promised life is used` // biome-ignore format: one line
  return `Disk ${device}: ${used}${bytesWritten === undefined ? '' : `; ${bytesText(bytesWritten)} written since this machine started`}.`
}
