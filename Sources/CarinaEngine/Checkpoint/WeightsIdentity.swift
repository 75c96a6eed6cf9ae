import CarinaRuntime

/// What tells one set of weights from another: the digest of all bytes, and a quick fingerprint of a few of them.
package struct WeightsIdentity: Equatable, Sendable {
  /// `WeightsDirectory.contentHash`: of every byte.
  package let sha256: String
  /// `WeightsDirectory.sampledFingerprint`: of the headers and some of the bytes.
  package let sampled: String

  /// Computes both; some seconds for a model of a billion weights.
  /// - Throws: as `WeightsDirectory.contentHash`.
  package init(_ weights: WeightsDirectory) throws {
    sha256 = try weights.contentHash()
    sampled = weights.sampledFingerprint().description
  }

  /// Collects what was stored.
  package init(sha256: String, sampled: String) {
    self.sha256 = sha256
    self.sampled = sampled
  }
}
