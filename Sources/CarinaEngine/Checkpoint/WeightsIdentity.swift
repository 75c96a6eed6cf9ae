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

extension WeightsDirectory {
  private static let blockByteCount = 4096, blockCount = 64

  /// A fingerprint of every file's header and of 64 blocks of 4 KiB spread evenly over its data: some milliseconds, and
  /// different for weights that were trained differently.
  package func sampledFingerprint() -> Fingerprint {
    var fingerprint = Fingerprint()
    for file in files {
      let data = file.dataRange
      fingerprint.update("\(data.count)")
      file.withBytes(file.headerRange) { fingerprint.update($0) }
      let stride = max(data.count / Self.blockCount, Self.blockByteCount)
      for start in Swift.stride(from: data.lowerBound, to: data.upperBound, by: stride) {
        let end = min(start + Self.blockByteCount, data.upperBound)
        file.withBytes(start..<end) { fingerprint.update($0) }
      }
    }
    return fingerprint
  }
}
