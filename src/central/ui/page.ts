/** page: the frame of every page: head, navigation, the places for messages, and the dialog. */
import type { Identity } from "../Accounts.ts"
import { type Html, html } from "./html.ts"

/** Everything is addressed relative to the page, so that a proxy may put the central under any path. */
const head = (title: string): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="htmx-config" content='{"includeIndicatorCSS":false,"history":false,"defaultTimeout":20000}'>
<title>${title} · edge-worker central</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="ui/assets/style.css">
<script src="ui/assets/htmx.js" defer></script>
<script src="ui/assets/app.js" defer></script>
</head>`

const pages = [
  ["./", "Edge Worker Hosts"],
  ["jobs", "Edge Worker Jobs"]
] as const

/** A page for who is logged in. */
export const page = (options: {
  readonly title: string
  readonly current: "./" | "jobs" | "log"
  readonly identity: Identity
  readonly body: Html
}): Html => html`${head(options.title)}
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<strong>edge-worker central</strong>
<nav aria-label="Pages">${pages.map(
  ([href, name]) =>
    html`<a href="${href}"${href === options.current ? html` aria-current="page"` : null}>${name}</a>`
)}</nav>
<form class="who" method="post" action="logout"><span>${options.identity.name}</span> <button>Log out</button></form>
</header>
<p id="connection" class="notice" role="status" hidden></p>
<p id="message" role="status" aria-live="polite"></p>
<main id="main" tabindex="-1">
<h1>${options.title}</h1>
${options.body}
</main>
<dialog id="dialog" aria-labelledby="dialog-title"></dialog>
</body>
</html>`

/** The page for who is not. */
export const loginPage = (problem?: string): Html => html`${head("Log in")}
<body>
<main id="main" class="login">
<h1>Log in</h1>
${problem === undefined ? null : html`<p class="notice" role="alert">${problem}</p>`}
<form method="post" action="login">
<label>User <input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64"${
  problem === undefined ? html` autofocus` : null
}></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required maxlength="1024"></label>
<button>Log in</button>
</form>
<p><small>Users are made with <code>edge-worker central-user</code>. On its own machine the central prints a link that logs in once when it starts.</small></p>
</main>
</body>
</html>`

/**
 * Behind the one-time link. A redirect would still count as the foreign page that the link may stand on, and the
 * cookie is for our own pages only: so this page leads on.
 */
export const enteredPage = (): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="0;url=./">
<title>Logged in · edge-worker central</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="ui/assets/style.css">
</head>
<body><main class="login"><p>Logged in. <a href="./">Go on to the hosts</a></p></main></body>
</html>`
