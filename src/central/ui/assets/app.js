/** app: what the pages need besides htmx: the dialog, the selection, the filters' address, and the news of an outage. */

const byId = (id) => document.getElementById(id)
const list = () => byId("list")

/** The dialog: shown when it has been filled; closed when a change was accepted. */
document.addEventListener("htmx:after:swap", (event) => {
  const dialog = byId("dialog")
  if (event.detail.ctx.target === dialog && dialog.firstChild && !dialog.open) {
    dialog.showModal()
    byId("dialog-title")?.focus()
  }
  if (event.detail.ctx.sourceElement !== list()) return
  compareClocks()
  showSelection()
})
document.addEventListener("accepted", () => {
  const dialog = byId("dialog")
  if (dialog?.open) dialog.close()
})
document.addEventListener(
  "close",
  (event) => {
    if (event.target.id === "dialog") event.target.replaceChildren()
  },
  true
)

/** The selection is the boxes themselves: the list's renewal leaves them alone. */
const boxes = () => [...document.querySelectorAll("#list input[name=worker]")]
const showSelection = () => {
  const button = byId("manage-selection")
  if (!button) return
  const all = boxes()
  const chosen = all.filter((box) => box.checked).length
  button.disabled = chosen === 0
  byId("selected").textContent = chosen === 0 ? "" : `${chosen} of ${all.length} selected`
  const every = byId("select-all")
  if (every) {
    every.checked = chosen > 0 && chosen === all.length
    every.indeterminate = chosen > 0 && chosen < all.length
  }
}
document.addEventListener("change", (event) => {
  if (event.target.id === "select-all") for (const box of boxes()) box.checked = event.target.checked
  if (event.target.closest("#list")) showSelection()
})

/** How long ago everything was goes on by itself, by the clock of the central. */
let ahead = 0
const compareClocks = () => {
  const now = Number(document.querySelector("#list [data-now]")?.dataset.now)
  if (now > 0) ahead = Date.now() - now
}
const span = (seconds) => {
  if (seconds < 90) return `${seconds} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86400)} d`
}
const ago = (then) => {
  const seconds = Math.round((Date.now() - ahead - then) / 1000)
  return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`
}
setInterval(() => {
  for (const time of document.querySelectorAll("#list time")) {
    const text = ago(Date.parse(time.dateTime))
    if (time.textContent !== text) time.textContent = text
  }
}, 1000)

/** The filters work while they are typed, and stand in the address. */
let typed = 0
const filter = () => {
  const parameters = new URLSearchParams()
  for (const [name, value] of new FormData(byId("filters"))) if (value !== "") parameters.append(name, value)
  const query = parameters.toString()
  history.replaceState(null, "", query === "" ? location.pathname : `?${query}`)
  htmx.trigger(document.body, "filter")
}
document.addEventListener("input", (event) => {
  if (!event.target.closest("#filters")) return
  byId("page").value = ""
  clearTimeout(typed)
  typed = setTimeout(filter, 250)
})
document.addEventListener("submit", (event) => {
  if (event.target.id !== "filters") return
  event.preventDefault()
  clearTimeout(typed)
  filter()
})

/** What renews itself keeps what it shows when the central does not answer, and says so. */
const renews = (element) => element?.id === "list" || element?.id === "more"
const connection = (text) => {
  const notice = byId("connection")
  if (!notice) return
  if (notice.textContent !== text) notice.textContent = text
  notice.hidden = text === ""
}
const since = () => new Date().toLocaleTimeString()
let lastSeen = since()
document.addEventListener("htmx:before:swap", (event) => {
  const { response, sourceElement } = event.detail.ctx
  if (!renews(sourceElement)) return
  if (response.status < 400) {
    lastSeen = since()
    connection("")
    return
  }
  event.preventDefault()
  connection(
    response.status === 401
      ? "Your session is over: open another tab and log in, and this page goes on."
      : `The central has a problem (${response.status}); this is what it said at ${lastSeen}.`
  )
})
/** 204: nothing has changed. */
document.addEventListener("htmx:after:request", (event) => {
  const { response, sourceElement } = event.detail.ctx
  if (!renews(sourceElement) || response?.status !== 204) return
  lastSeen = since()
  connection("")
})
document.addEventListener("htmx:error", (event) => {
  if (!event.detail.ctx) return
  if (renews(event.detail.ctx.sourceElement)) {
    connection(`The central does not answer; this is what it said at ${lastSeen}.`)
  } else {
    const place = byId("outcome") ?? byId("message")
    if (place) place.textContent = "The central does not answer; nobody can tell whether that was done."
  }
})

/** A log stays at its end for who is there, and where it is for who reads. */
let atEnd = true
document.addEventListener("htmx:before:swap", () => {
  const log = byId("log")
  if (log) atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40
})
document.addEventListener("htmx:after:swap", () => {
  const log = byId("log")
  if (log && atEnd) log.scrollTop = log.scrollHeight
})
window.addEventListener("DOMContentLoaded", () => {
  const log = byId("log")
  if (log) log.scrollTop = log.scrollHeight
  compareClocks()
  showSelection()
})
