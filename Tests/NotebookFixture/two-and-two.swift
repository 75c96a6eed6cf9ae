// %% [markdown]
// # Two and two
// A script for the tests of the cell support.
// %%
import Foundation
import NotebookCells

Notebook.begin(output: ProcessInfo.processInfo.environment["NOTEBOOK_FIXTURE_OUTPUT"])
func announce(_ number: Int) { print("helped:", number) }

// %% Adding
print(2, "and", 2, separator: "+")
announce(4)

// %%
Notebook.mark()
announce(5)
show(table: [["a", "b"], ["1 < 2", "&"]])
show(image: Data([0x89, 0x50, 0x4E, 0x47]))
print("still the same cell")

// %%
Notebook.mark()
struct Refusal: Error {}
if CommandLine.arguments.contains("fail") { throw Refusal() }
if CommandLine.arguments.contains("crash") { fatalError("asked to crash") }
if CommandLine.arguments.contains("leave") { exit(3) }
show(html: "<b>the end</b>")
Swift.print("last")

// %%
let unseen = 1
