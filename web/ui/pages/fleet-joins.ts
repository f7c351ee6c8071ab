/** Who belongs to the fleet, who may join, and whether Fleet Command is on at all. */
import type { FleetClaim, FleetJoins } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { count, plural, span } from '../../base/words.ts'
import type { Sight } from '../../fleet/sight.ts'
import { fleetLayout } from '../fleet-frame.ts'
import { type Html, html, NOTHING, type Piece } from '../html.ts'
import { csrf, layout } from '../layout.ts'
import { when } from '../marks.ts'
import { card, note, table } from '../parts.ts'

const RENEWAL_US = 30 * 86_400e6 // the last third of 90 days

export interface JoinsFound {
  joins: FleetJoins
  /** Just made; the only time that it is shown. */
  made?: FleetClaim & { site: string }
  draft: { tenant_id: string; site: string; fault?: string }
  /** The site that was just revoked. */
  revoked?: string | undefined
}

export function fleetJoinsPage(view: View, sight: Sight, found: JoinsFound): Html {
  const { joins, made, revoked } = found
  const gone = joins.members.find((each) => each.tenant_id === revoked && each.revokedAt !== null)
  return fleetLayout(view, sight, {
    path: '/fleet/joins',
    scoped: false,
    title: 'Joins',
    sentence: sentenceOf(joins, view),
    basis:
      'Keys are made on each box and never leave it · a certificate lasts 90 days and renews itself after 60 · each change here is in the audit trail',
    keys: [['j k', 'move over members']],
    body: html`${made ? madeCard(made, view) : NOTHING}${gone ? goneNote(gone) : NOTHING}<div class="split"><div class="stack">${membersCard(joins, view)}${claimsCard(joins, view)}</div><div class="stack">${claimForm(joins, view, found.draft)}${doorCard(joins)}${editionCard(view)}</div></div>`,
  })
}

function sentenceOf(joins: FleetJoins, view: View): string {
  const live = joins.members.filter(({ revokedAt }) => revokedAt === null)
  const late = live.filter(
    ({ certificateNotAfter: end }) => end !== null && end < view.zone.nowUs + RENEWAL_US / 2,
  )
  const open = joins.claims.length
  const parts = [
    `${plural(live.length, 'site')} ${live.length === 1 ? 'belongs' : 'belong'} to ${joins.fleet_id}`,
    open > 0 && `${plural(open, 'claim')} ${open === 1 ? 'is' : 'are'} open`,
    late.length > 0 &&
      `the certificate of ${late
        .map(({ site }) => site)
        .slice(0, 3)
        .join(', ')} ends soon`,
  ]
  return `${parts.filter((each) => each).join('; ')}.`
}

function madeCard({ code, endsAt, door, site }: NonNullable<JoinsFound['made']>, view: View): Html {
  const address = `${door.host}:${door.port}`
  return card(
    `Claim code for ${site}`,
    'shown once; only its hash is kept',
    html`<div class="pad claim"><p class="code mono" id="claim-code">${code}</p><p>Good for one join until ${when(view.zone, endsAt)}, ${span((endsAt - view.zone.nowUs) / 1000)} from now. On the box of ${site} this command asks for it:</p><pre class="bytes">picket fleet join --door ${address} --code -</pre><p>Both boxes then show the same six digits: compare them. The door’s key: <span class="mono finger">${door.fingerprint}</span></p></div>`,
    { kind: 'made' },
  )
}

function goneNote({ tenant_id, site }: FleetJoins['members'][number]): Html {
  return html`<section class="card" role="status">${note('empty', `${site} is revoked.`, html`Its connection has ended, and nothing it sends counts; what it told before stays. To take it back, <a href="/fleet/joins?tenant_id=${tenant_id}&amp;site=${encodeURIComponent(site)}#claim">make a claim code for it</a>: it joins again and goes on.`)}</section>`
}

function membersCard({ members }: FleetJoins, view: View): Html {
  return card(
    'Members',
    `${count(members.filter(({ revokedAt }) => revokedAt === null).length)} of ${plural(members.length, 'site')} that ever joined`,
    members.length === 0
      ? note(
          'empty',
          'No site has joined.',
          'Make a claim code beside this, and type it at the site.',
        )
      : table(
          html`<th>Site</th><th>Tenant</th><th>Joined</th><th>Certificate</th><th class="num"><span class="sr">Revoke</span></th>`,
          members.map((each) => memberRow(each, view)),
          'members',
        ),
  )
}

function memberRow(each: FleetJoins['members'][number], view: View): Html {
  const { tenant_id, site, joinedAt, revokedAt, primary } = each
  const may = revokedAt === null && !primary
  return html`<tr class="row" data-id="${tenant_id}"><td class="wide"><b>${site}</b>${primary ? html` <small>primary, this box</small>` : NOTHING}</td><td class="mono tight after">${tenant_id}</td><td class="tight after" data-l="joined">${when(view.zone, joinedAt)}</td><td class="after" data-l="certificate">${certificate(each, view)}</td><td class="num">${may ? html`<form method="post" action="/fleet/revoke">${csrf(view)}<input type="hidden" name="tenant_id" value="${tenant_id}"><button class="button quietly" aria-label="Revoke ${site}">Revoke</button></form>` : NOTHING}</td></tr>`
}

function certificate(each: FleetJoins['members'][number], { zone }: View): Piece {
  if (each.revokedAt !== null) return html`<b>revoked</b> ${when(zone, each.revokedAt)}`
  const end = each.certificateNotAfter
  if (end === null) return 'not known'
  if (end < zone.nowUs)
    return html`<b>ended</b> ${zone.date(end)}; <small>it may still renew it, for a year</small>`
  const left = span((end - zone.nowUs) / 1000)
  return html`until ${zone.date(end)} <small>${left} left${end - zone.nowUs < RENEWAL_US ? ', should have been renewed' : ''}</small>`
}

function claimsCard({ claims }: FleetJoins, view: View): Html {
  return card(
    'Open claims',
    plural(claims.length, 'code'),
    claims.length === 0
      ? note(
          'empty',
          'No claim is open.',
          'A code ends by itself after 10 minutes, one join or five wrong tries.',
        )
      : table(
          html`<th>Site</th><th>Tenant</th><th class="num">Tries left</th><th class="num">Ends</th>`,
          claims.map(
            ({ claim_id, site, tenant_id, triesLeft, endsAt }) =>
              html`<tr class="row" data-id="${claim_id}"><td class="wide">${site}</td><td class="mono after tight">${tenant_id}</td><td class="num after" data-l="tries left">${count(triesLeft)} of 5</td><td class="num">${when(view.zone, endsAt)}, in ${span((endsAt - view.zone.nowUs) / 1000)}</td></tr>`,
          ),
          'members',
        ),
  )
}

function claimForm({ door }: FleetJoins, view: View, draft: JoinsFound['draft']): Html {
  const wrong = draft.fault ? html` aria-invalid="true" aria-describedby="claim-fault"` : NOTHING
  if (!door)
    return card(
      'Let a site join',
      'no door',
      note(
        'denied',
        'This box has no door open.',
        html`It needs <code>fleet.doorPort</code> in <code>config.json</code> and Fleet Command switched on.`,
      ),
    )
  return card(
    'Let a site join',
    'one code, one join, 10 minutes',
    html`<form id="claim" class="pad" method="post" action="/fleet/claim" autocomplete="off">${csrf(view)}
<div class="field"><label for="tenant_id">Tenant id</label><input id="tenant_id" name="tenant_id" value="${draft.tenant_id}" required maxlength="31" pattern="[a-z][a-z0-9\\-]{1,30}" autocapitalize="none" spellcheck="false"${wrong}><small>As the site’s own box says it, such as acme-syd.</small></div>
<div class="field"><label for="site">What people call it</label><input id="site" name="site" value="${draft.site}" required maxlength="64"></div>
${draft.fault ? html`<p class="fault" id="claim-fault" role="alert">${draft.fault}</p>` : NOTHING}
<p><button class="button primary">Make a claim code</button></p></form>`,
  )
}

function doorCard({ door }: FleetJoins): Html {
  if (!door) return NOTHING
  return card(
    'The door',
    `${door.host}:${door.port}`,
    html`<div class="pad"><p class="basis">A site that joins compares this fingerprint, or the six digits that both boxes show.</p><p class="mono finger">${door.fingerprint}</p></div>`,
  )
}

function editionCard(view: View): Html {
  return card(
    'Fleet Command',
    'on',
    html`<form class="pad" method="post" action="/fleet/off">${csrf(view)}<p class="prose">Switched off, this box takes no summaries in; the sites keep theirs and send them when it is on again. No restart, nothing is deleted.</p><p><button class="button">Switch off</button></p></form>`,
  )
}

/** In place of every page of the fleet while it is off. */
export function fleetOffPage(view: View): Html {
  const may = view.session.atoms.includes('settings')
  return layout(view, {
    tab: '',
    title: 'Fleet Command is off',
    sentence: 'Fleet Command is off on this box.',
    basis:
      'It takes no summaries of other sites in, so there is nothing to show of them · this site works as ever',
    body: card(
      'Fleet Command',
      'off',
      html`${note(
        'empty',
        'Many sites on one page, from what each signs itself.',
        may
          ? html`Switch it on here, or on the box: <code>picket fleet enable</code>. No restart.`
          : html`An administrator switches it on, here or on the box: <code>picket fleet enable</code>.`,
      )}${may ? html`<form class="pad" method="post" action="/fleet/on">${csrf(view)}<p><button class="button primary">Switch on Fleet Command</button></p></form>` : NOTHING}`,
    ),
  })
}
