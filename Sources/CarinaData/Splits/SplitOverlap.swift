import CarinaRuntime

/// What is in two splits: how many things, and the first twenty of them by name.
struct SplitOverlap {
  private static let shown = 20
  private var count = 0
  private var first: [(name: String, splits: [String])] = []

  /// Adds a thing that was not added before.
  mutating func add(_ name: String, splits: [String]) {
    count += 1
    if first.count == SplitOverlap.shown, let last = first.last, ExactText(last.name) <= ExactText(name) { return }
    let index = first.firstIndex { ExactText(name) < ExactText($0.name) } ?? first.count
    first.insert((name, splits.sortedExactly()), at: index)
    if first.count > SplitOverlap.shown { first.removeLast() }
  }

  /// - Parameter what: the plural of the things, for the error.
  /// - Throws: `CarinaError.badData` with the list unless there is none.
  func requireNone(_ what: String, _ source: String) throws {
    guard count > 0 else { return }
    let list = first.map { "\($0.name) (\($0.splits.joined(separator: ", ")))" }
    let rest = count - list.count
    throw CarinaError(
      .badData, "\(count) \(what) are in two splits", at: source,
      found: list.joined(separator: "; ") + (rest > 0 ? " and \(rest) more" : ""),
      remedy: "Split by patient, repair the archive, or name the leak with \(setting: .allowKnownLeak).")
  }
}
