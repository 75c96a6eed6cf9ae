import CarinaRuntime

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
