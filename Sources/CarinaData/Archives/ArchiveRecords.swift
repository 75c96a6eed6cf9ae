import CarinaRuntime
import Foundation

/// What an adapter says of an archive, apart from its samples.
package struct ArchiveRecords {
  /// What was found, before any policy left something out.
  package internal(set) var counts: [ArchiveCount] = []
  /// What the policies left out and what cannot be known, one sentence each.
  package internal(set) var remarks: [String] = []
  /// The files that were read, sorted, with which the source's digest is made.
  var files: [String] = []
  var reportDigest = SHA256Digest()
  var reportCount = 0

  init() {}

  /// Adds a remark about `count` things unless there are none.
  mutating func note(_ count: Int, _ text: String) {
    if count > 0 { remarks.append("\(count) \(text)") }
  }
}

extension ArchiveRecords {
  /// SHA-256 of the annotations: of the file, or over the names and digests of all files that were read.
  func digest() throws -> String {
    if files.count == 1, reportCount == 0 { return try SHA256Digest.ofFile(files[0]) }
    var digest = SHA256Digest()
    for file in files { digest.update("\((file as NSString).lastPathComponent) \(try SHA256Digest.ofFile(file))\n") }
    var reports = reportDigest
    if reportCount > 0 { digest.update("reports \(reports.finish())\n") }
    return digest.finish()
  }
}
