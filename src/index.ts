/** The library's entry: what a program that embeds an edge worker imports. */
export { Runner } from "./runner/Runner.ts"
export { Worker } from "./worker/Worker.ts"
