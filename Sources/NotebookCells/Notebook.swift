// The streams of the C library are variables; nobody assigns them.
@preconcurrency import Foundation

/// A program that is its own notebook.
///
/// ```swift
/// // %% [markdown]
/// // # Two and two
/// // %%
/// import NotebookCells
/// Notebook.begin()
/// // %%
/// print(2 + 2)
/// ```
/// Running this prints 4 and writes `results/notebooks/NAME.ipynb`, with 4 under the second cell.
public enum Notebook {
  /// Makes the rest of the script a notebook. Call it once, in the first cell of code.
  ///
  /// The process starts itself a second time. The second one runs the script, its `print` and `show` telling which line
  /// they stand in; the first one listens, passes on what is printed, writes the notebook and ends with the second
  /// one's status, so that an error or even a crash is in the notebook, too, under the last cell that was heard of.
  /// - Parameters:
  ///   - script: The script's own path.
  ///   - output: Where the notebook goes; by default `results/notebooks/` under the current directory.
  public static func begin(_ script: String = #filePath, output: String? = nil, line: Int = #line) {
    if CellMessage.isHeard {
      // What a crash leaves in a buffer would be lost.
      StandardOutput.flushEveryLine()
      CellMessage(line: line).send()
      return
    }
    let name = URL(fileURLWithPath: script).deletingPathExtension().lastPathComponent
    do {
      exit(try NotebookRun(script: script, output: output ?? "results/notebooks/\(name).ipynb").run())
    } catch {
      FileHandle.standardError.write(Data("error: \(script): \(error)\n".utf8))
      exit(70)
    }
  }

  /// Tells that this cell has begun. Only needed in a cell where something may fail, or print from elsewhere, before
  /// the cell's own first `print` or `show`: both are put under the last cell that was heard of.
  public static func mark(line: Int = #line) { CellMessage(line: line).send() }
}
