import CarinaRuntime
import CarinaTensor

/// Fingerprints of a model's weights at one moment: taken before and after training, they prove what was frozen and
/// what was trained.
package struct ParameterDigest: Equatable, Sendable {
  private static let pieceCount = 1 << 24

  /// Fingerprints by name.
  package let fingerprints: [String: Fingerprint]

  /// Hashes the numbers that the forward pass reads (about a second for a billion bfloat16 weights on two cores).
  package init(_ parameters: [Parameter]) {
    var fingerprints = [String: Fingerprint](minimumCapacity: parameters.count)
    for parameter in parameters {
      let tensor = TensorSource(parameter.value)
      var fingerprint = Fingerprint()
      fingerprint.update("\(tensor.elementType.rawValue)\(tensor.shape)")
      for start in stride(from: 0, to: tensor.count, by: ParameterDigest.pieceCount) {
        let piece = tensor.piece(start..<min(tensor.count, start + ParameterDigest.pieceCount))
        piece.withHostBytes { fingerprint.update($0) }
      }
      fingerprints[parameter.name] = fingerprint
      parameter.releasePagesBehindCopy()
    }
    self.fingerprints = fingerprints
  }

  /// One fingerprint of all, in the order of the names.
  package var whole: Fingerprint {
    var whole = Fingerprint()
    for (name, fingerprint) in fingerprints.sorted(by: { $0.key < $1.key }) {
      whole.update("\(name) \(fingerprint)")
    }
    return whole
  }

  /// The names whose numbers differ from `earlier` or that are only in one of the two, in order.
  package func changes(since earlier: ParameterDigest) -> [String] {
    Set(fingerprints.keys).union(earlier.fingerprints.keys)
      .filter { fingerprints[$0] != earlier.fingerprints[$0] }.sorted()
  }

  /// Refuses a run in which a frozen weight changed.
  /// - Throws: `CarinaError.internalFailure` naming the weights.
  package func requireUnchanged(since earlier: ParameterDigest, what: String) throws {
    let changed = changes(since: earlier)
    guard changed.isEmpty else {
      throw CarinaError(
        .internalFailure, "the \(what) was to stay frozen but \(changed.count) of its weights changed",
        at: changed.prefix(3).joined(separator: ", "), remedy: "This is an error in the program; please report it.")
    }
  }
}
