/** closingLine: a vitest reporter that ends with `N passed, N failed`, as every command of this project does. */
import type { Reporter, TestModule } from "vitest/node"

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<unknown>) {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state)
    )
    const count = (state: string) => states.filter((each) => each === state).length
    const broken = modules.filter((module) => module.errors().length > 0).length
    const left = count("skipped") + count("pending")
    const closing = `${count("passed")} passed, ${count("failed") + broken + unhandled.length} failed`
    // after the default reporter's own summary
    process.once("exit", () => process.stdout.write(`${closing}${left > 0 ? `, ${left} skipped` : ""}\n`))
  }
}
