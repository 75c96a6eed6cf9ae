import CarinaRuntime
import Foundation

/// The reports of MIMIC-CXR: one a study, read when an image of the study comes. Kept are a hash of each report that
/// was there and the last caption, as the images of a study mostly follow each other.
struct MimicReports {
  private let roots: ImageRoots
  private var text: ReportText
  private var seen = Set<NameHash>()
  private var last: (study: String, caption: String?)?
  /// How many reports there were.
  private(set) var count = 0
  /// SHA-256 over the reports.
  private(set) var digest = SHA256Digest()

  /// How many of them held words that were removed to hide a person.
  var withRemovedWords: Int { text.withRemovedWords }

  init(_ roots: ImageRoots, _ options: ArchiveOptions) {
    self.roots = roots
    text = ReportText(options.deidentified)
  }

  /// What the report of a study says of its images; nil when there is none or nothing in it can be used.
  /// - Parameter name: its path below one of the roots.
  /// - Throws: `CarinaError.missingInput` when it cannot be read, `.badData` when it is outside the roots and must not.
  mutating func caption(_ study: String, _ name: String) throws -> String? {
    if let last, last.study.isExactly(study) { return last.caption }
    var caption: String?
    if let path = roots.locate(name) {
      try roots.requireAllowed(path, name: name)
      let report = try TextFile.text(path, limit: .report)
      let sections = ReportText.sections(report)
      // What was counted before is not counted again.
      var own = text
      caption = own.caption(findings: sections["FINDINGS"] ?? "", impression: sections["IMPRESSION"] ?? "")
      if seen.insert(NameHash(study)).inserted {
        text = own
        count += 1
        digest.update("\(study) \(SHA256Digest.of(report))\n")
      }
    }
    last = (study, caption)
    return caption
  }
}
