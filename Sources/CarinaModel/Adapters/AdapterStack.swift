import CarinaTensor

/// The adapters beside one affine map, in the order in which they were put there.
package final class AdapterStack {
  /// The adapters.
  package private(set) var adapters: [LowRankAdapter] = []

  /// None.
  init() {}

  /// Whether there is none.
  package var isEmpty: Bool { adapters.isEmpty }
  /// What they add to the map at this moment.
  var terms: [LowRankTerm] { adapters.map(\.term) }

  /// Puts one more beside the map.
  package func append(_ adapter: LowRankAdapter) { adapters.append(adapter) }
  /// Takes all of them away.
  package func removeAll() { adapters = [] }
}
