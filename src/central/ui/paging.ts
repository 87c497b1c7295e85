/** paging: a part of a long list, and how a browser that has it already is told so in no words. */
import * as Hash from "effect/Hash"
import { type Html, html } from "./html.ts"

/** As many rows as a browser renews every few seconds without pain. */
export const pageRows = 100

/** Nobody turns so many pages: they narrow the filters. */
const mostPages = 100

/** Which page an address asks for, from 1 on. */
export const pageOf = (search: URLSearchParams): number => {
  const page = Number(search.get("page") ?? "1")
  return Number.isSafeInteger(page) && page >= 1 ? Math.min(page, mostPages) : 1
}

/** Keeps the page that one is on through the filters' own requests. */
export const pageField = (page: number): Html =>
  html`<input type="hidden" name="page" id="page" value="${page === 1 ? "" : page}">`

/** Links to the pages before and after; nothing where there is only one. */
export const pager = (address: string, search: URLSearchParams, page: number, more: boolean): Html | null => {
  if (page === 1 && !more) return null
  const to = (wanted: number): string => {
    const parameters = new URLSearchParams(search)
    parameters.delete("seen")
    parameters.set("page", String(wanted))
    return `${address}?${parameters.toString()}`
  }
  return html`<nav class="pager" aria-label="Pages of the list">${
    page > 1 && html`<a rel="prev" href="${to(page - 1)}">Previous</a> `
  }Page ${page}${more && page < mostPages && html` <a rel="next" href="${to(page + 1)}">Next</a>`}</nav>`
}

/** What says of a list that it is this one: all of it but how long ago everything was. */
const markOf = ({ markup }: Html): string =>
  Hash.string(markup.replace(/(<time [^>]*>)[^<]*/g, "$1").replace(/ data-now="\d+"/g, "")).toString(36)

/** The list with its mark, which the browser sends along when it asks again. */
export const marked = (list: Html): Html =>
  html`${list}<input type="hidden" name="seen" id="seen" value="${markOf(list)}">`

/** Whether a browser that asks again has this very list: the times in it go on by themselves. */
export const isSeen = (search: URLSearchParams, list: Html): boolean => search.get("seen") === markOf(list)
