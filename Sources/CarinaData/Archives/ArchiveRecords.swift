import CarinaRuntime

/// A count over an archive, beside what its publication says.
public struct ArchiveCount: Equatable, Sendable, CustomStringConvertible {
  /// What was counted.
  public let name: String
  /// How many were found.
  package let found: Int
  /// How many the publication names; nil when it names none.
  package let published: Int?

  /// A count.
  package init(_ name: String, _ found: Int, published: Int? = nil) {
    self.name = name
    self.found = found
    self.published = published
  }

  /// `images 7 (published 9: 2 fewer)`.
  public var description: String {
    guard let published else { return "\(name) \(found)" }
    let difference = found - published
    let words = difference == 0 ? "the same" : difference < 0 ? "\(-difference) fewer" : "\(difference) more"
    return "\(name) \(found) (published \(published): \(words))"
  }
}

/// What an adapter made of an archive.
package struct ArchiveRecords {
  /// The samples, in the order of the archive.
  package internal(set) var records: [SampleRecord] = []
  /// What was found, before any policy left something out.
  public internal(set) var counts: [ArchiveCount] = []
  /// What the policies left out and what cannot be known, one sentence each.
  public internal(set) var remarks: [String] = []
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

extension SampleFormat {
  /// What publications say of an archive's size, by the names under which adapters count; where each number is from stands in
  /// docs/preprocess.md. A number that could not be looked up is not here.
  var published: [String: Int] {
    switch self {
    case .carina, .llava: [:]
    case .vqaRad: ["samples": 3_515, "images": 315]
    case .slake: ["samples": 14_028, "images": 642, "en train": 4_919, "en validate": 1_053, "en test": 1_061]
    case .openI: ["reports": 3_955, "images": 7_470]
    case .mimicCXR: ["images": 377_110, "studies": 227_827, "patients": 65_379]
    case .chexpert: ["images": 224_316, "patients": 65_240]
    case .nihCXR14: ["images": 112_120, "patients": 30_805]
    case .vindrCXR: ["images": 18_000, "train images": 15_000, "test images": 3_000]
    case .padChest: ["images": 160_868]
    }
  }

  /// A count under a name, with the published one.
  func count(_ name: String, _ found: Int) -> ArchiveCount { ArchiveCount(name, found, published: published[name]) }
}
