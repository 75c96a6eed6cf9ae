import CarinaRuntime

/// Names a thing by 128 bits of a SHA-256, so that no two names are taken for one.
struct NameKey: Hashable, BitwiseCopyable {
  private let high, low: UInt64

  init(_ name: String) {
    var digest = SHA256Digest()
    digest.update(name)
    (high, low) = digest.finishBits()
  }

  /// Its bucket among `SpilledBuckets`.
  var bucket: Int { Int(high >> 56) }
}
