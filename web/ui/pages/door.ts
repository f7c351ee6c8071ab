/** The pages before and around a session: signing in, the one-time code, the first password. */
import type { Reader } from '../../base/view.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { bareLayout } from '../layout.ts'
import { note } from '../parts.ts'

export interface LoginDraft {
  name: string
  next: string
  fault?: string
  /** A fact and its next step, when nothing is wrong. */
  told?: string
}

export function loginPage(reader: Reader, draft: LoginDraft): Html {
  return bareLayout(reader, {
    title: 'Sign in · Picket',
    who: 'Sign in to this appliance',
    body: html`<section class="card"><form class="pad" method="post" action="/login">
<h1>Who is looking?</h1>
${draft.told ? html`<p role="status">${draft.told}</p>` : NOTHING}
<input type="hidden" name="next" value="${draft.next}">
<div class="field"><label for="name">Name</label><input id="name" name="name" value="${draft.name}" required maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false"${draft.name === '' ? html` autofocus` : NOTHING}></div>
<div class="field"><label for="password">Password</label><input id="password" name="password" type="password" required maxlength="256" autocomplete="current-password"${draft.name === '' ? NOTHING : html` autofocus`}${draft.fault ? html` aria-invalid="true" aria-describedby="fault"` : NOTHING}>${draft.fault ? html`<p class="fault" id="fault" role="alert">${draft.fault}</p>` : NOTHING}</div>
<p><button class="button primary">Sign in</button></p>
<p class="basis">A new box, or nobody can get in? Ask on it: <code>picket login</code>, then <a href="/first">use the one-time code</a>.</p>
</form></section>`,
  })
}

export function firstPage(reader: Reader, fault?: string): Html {
  return bareLayout(reader, {
    title: 'One-time code · Picket',
    who: 'One-time sign-in',
    body: html`<section class="card"><form class="pad" method="post" action="/first" autocomplete="off">
<h1>Enter the code that the box printed.</h1>
<p>It works once, within the hour, and makes you an administrator of this box.</p>
<div class="field"><label for="code">One-time code</label><input class="code" id="code" name="code" required maxlength="128" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" autofocus${fault ? html` aria-invalid="true" aria-describedby="fault"` : NOTHING}>${fault ? html`<p class="fault" id="fault" role="alert">${fault}</p>` : NOTHING}</div>
<p><button class="button primary">Use the code</button></p>
<p class="basis">The code is not part of any address that is sent or logged. <a href="/login">Sign in with a password</a>.</p>
</form></section>`,
  })
}

export interface PasswordDraft {
  name: string
  csrf: string
  /** The first one, after a one-time code: there is no current password. */
  first: boolean
  fault?: string
}

export function passwordPage(reader: Reader, draft: PasswordDraft): Html {
  return bareLayout(reader, {
    title: 'Password · Picket',
    who: draft.first ? 'One step is left' : 'Change your password',
    body: html`<section class="card"><form class="pad" method="post" action="/password">
<h1>${draft.first ? 'Choose a password.' : 'Change your password.'}</h1>
<input type="hidden" name="csrf" value="${draft.csrf}">
<div class="field"><label for="name">Your name here</label><input id="name" name="name" value="${draft.name}" readonly autocomplete="username"><small>You sign in with this name from now on.</small></div>
${draft.first ? NOTHING : html`<div class="field"><label for="current">Present password</label><input id="current" name="current" type="password" required maxlength="256" autocomplete="current-password"></div>`}
<div class="field"><label for="next">New password</label><input id="next" name="next" type="password" required minlength="12" maxlength="256" autocomplete="new-password"${draft.fault ? html` aria-invalid="true" aria-describedby="fault"` : NOTHING}><small>12 characters or more; a few words are best.</small></div>
<div class="field"><label for="again">The same again</label><input id="again" name="again" type="password" required minlength="12" maxlength="256" autocomplete="new-password"></div>
${draft.fault ? html`<p class="fault" id="fault" role="alert">${draft.fault}</p>` : NOTHING}
<p class="chips"><button class="button primary">${draft.first ? 'Keep it and go on' : 'Change it'}</button>${draft.first ? NOTHING : html`<a class="button quietly" href="/settings">Leave it</a>`}</p>
</form></section>`,
  })
}

export interface Trouble {
  status: number
  message: string
}

/** What went wrong outside of a session, or so wrong that there is no frame. */
export function troublePage(reader: Reader, trouble: Trouble): Html {
  const { kind, heading, next } = troubleWords(trouble.status)
  return bareLayout(reader, {
    title: `${heading} · Picket`,
    who: heading,
    body: html`<section class="card"><div class="pad"><h1>${heading}</h1></div>${note(kind, trouble.message, next)}</section>`,
  })
}

export function troubleWords(status: number): {
  kind: 'error' | 'denied' | 'empty'
  heading: string
  next: Html
} {
  if (status === 401)
    return { kind: 'denied', heading: 'Sign in first.', next: html`<a href="/login">Sign in</a>.` }
  if (status === 403)
    return {
      kind: 'denied',
      heading: 'This is not yours to do.',
      next: html`Nothing was done. Go back to <a href="/now">Now</a>, or ask an administrator of this box.`,
    }
  if (status === 404)
    return {
      kind: 'empty',
      heading: 'There is nothing here.',
      next: html`Look through <a href="/findings?range=all">all findings</a>, or go to <a href="/now">Now</a>.`,
    }
  if (status === 429)
    return {
      kind: 'error',
      heading: 'Too much at once.',
      next: html`Wait a minute, then try again.`,
    }
  if (status === 503)
    return {
      kind: 'error',
      heading: 'A part of this box does not answer.',
      next: html`It is started again by itself. Try again in a few seconds; if it stays, ask on the box: <code>picket doctor</code>.`,
    }
  if (status >= 500)
    return {
      kind: 'error',
      heading: 'That failed on our side.',
      next: html`Nothing of yours is lost. The log of picket-web has the cause. Go to <a href="/now">Now</a>.`,
    }
  return {
    kind: 'error',
    heading: 'That could not be read.',
    next: html`Go back and change it, or start at <a href="/now">Now</a>.`,
  }
}
