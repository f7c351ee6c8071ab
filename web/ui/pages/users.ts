import { ROLES } from '../../../agent/tenancy/role.ts'
import type { UserView } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { plural } from '../../base/words.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { csrf, layout } from '../layout.ts'
import { when } from '../marks.ts'
import { card, note } from '../parts.ts'

/** What was typed, and what was wrong with it: a form keeps both. */
export interface UserDraft {
  name: string
  role: string
  fault: string
}

const MEANING = {
  viewer: 'sees everything of its tenants, changes nothing',
  operator: 'also decides actions and loads rules',
  admin: 'also manages users and reads the audit trail',
} as const

export function usersPage(
  view: View,
  users: readonly UserView[],
  q: string,
  draft?: UserDraft,
): Html {
  const shown = users.filter(({ name, role }) =>
    `${name} ${role}`.toLowerCase().includes(q.toLowerCase()),
  )
  const admins = users.filter((each) => each.role === 'admin' && !each.disabled).length
  return layout(view, {
    tab: 'users',
    title: 'Users',
    sentence: `${plural(users.length, 'person', 'people')} may sign in; ${plural(admins, 'administrator')}.`,
    basis:
      'Local accounts of this box · passwords as argon2id, kept by picket-keys alone · every change is in the audit trail',
    search: { path: '/users', label: 'Name or role', q },
    keys: [['j k', 'move']],
    body: html`<div class="split"><div class="stack">${card('People', q ? `${shown.length} of ${users.length} fit “${q}”` : plural(users.length, 'account'), shown.length > 0 ? html`<ul class="people">${shown.map((user) => userRow(user, view))}</ul>` : note('empty', 'Nobody fits.', html`<a href="/users">See all ${users.length}</a>.`))}</div>
<div class="stack">${addCard(view, draft)}${card('Roles', 'three, each more than the one before', html`<dl class="pairs">${ROLES.map((role) => html`<div><dt>${role}</dt><dd class="prose">${MEANING[role]}</dd></div>`)}</dl>`)}</div></div>`,
  })
}

function userRow(user: UserView, view: View): Html {
  const self = user.user_id === view.session.user_id
  const facts = [
    user.disabled ? 'disabled' : user.hasPassword ? '' : 'has no password yet',
    user.tenants.length > 1 ? `sees ${user.tenants.join(', ')}` : '',
  ].filter((each) => each !== '')
  return html`<li class="person row" data-id="${user.user_id}"><p><b>${user.name}</b>${self ? ' (you)' : ''} · ${user.role}<br><small>${user.lastLoginAt ? html`last here ${when(view.zone, user.lastLoginAt)}` : 'never signed in'}${facts.map((fact) => ` · ${fact}`)}</small></p>${self ? NOTHING : html`<form method="post" action="/users/change">${csrf(view)}<input type="hidden" name="user_id" value="${user.user_id}"><label><span class="sr">Role of ${user.name}</span><select name="role">${ROLES.map((role) => html`<option value="${role}"${role === user.role ? html` selected` : NOTHING}>${role}</option>`)}</select></label><button class="button" name="do" value="role" aria-label="Change role of ${user.name}">Change role</button><button class="button quietly" name="do" value="${user.disabled ? 'enable' : 'disable'}" aria-label="${user.disabled ? 'Let in' : 'Shut out'} ${user.name}">${user.disabled ? 'Let in' : 'Shut out'}</button></form>`}</li>`
}

function addCard(view: View, draft: UserDraft | undefined): Html {
  return card(
    'Add a person',
    '',
    html`<form class="pad" method="post" action="/users/add" autocomplete="off">${csrf(view)}
<div class="field"><label for="name">Name</label><input id="name" name="name" value="${draft?.name ?? ''}" required maxlength="64" autocapitalize="none" spellcheck="false"${draft ? html` aria-invalid="true" aria-describedby="add-fault"` : NOTHING}></div>
<div class="field"><label for="role">Role</label><select id="role" name="role">${ROLES.map((role) => html`<option value="${role}"${role === (draft?.role ?? 'viewer') ? html` selected` : NOTHING}>${role}</option>`)}</select></div>
<div class="field"><label for="password">First password</label><input id="password" name="password" type="password" required minlength="12" maxlength="256" autocomplete="new-password"><small>12 characters or more. They change it under Settings.</small></div>
${draft ? html`<p class="fault" id="add-fault" role="alert">${draft.fault}</p>` : NOTHING}
<p><button class="button primary">Add</button></p></form>`,
  )
}
