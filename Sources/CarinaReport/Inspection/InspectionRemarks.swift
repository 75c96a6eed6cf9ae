import CarinaData
import CarinaRuntime
import Foundation

/// The part of an inspection page that says what looked odd when shards were made: how many images, and the first of
/// them.
struct InspectionRemarks {
  /// How many images of a kind are named, of each directory.
  static let named = 8
  private let directories: [ShardDirectory]

  init(_ directories: [ShardDirectory]) { self.directories = directories }

  /// The part's content.
  /// - Throws: `CarinaError.missingInput` when a list that the manifest counts is not there.
  func html() throws -> String {
    let found = directories.map(\.manifest)
    guard found.contains(where: { $0.suspectedInversions + $0.orientationTags + $0.fileRemarks > 0 }) else {
      return "<p>No image looks inverted, and none carries a tag that says it is not upright.</p>\n"
    }
    var counts = [
      ["grey may be inverted"] + found.map { String($0.suspectedInversions) },
      ["tag says not upright"] + found.map { String($0.orientationTags) },
    ]
    if found.contains(where: { $0.fileRemarks > 0 }) {
      counts.append(["file is odd in itself"] + found.map { String($0.fileRemarks) })
    }
    var html = HTML.table(
      ["images"] + directories.map(InspectionPage.name), counts, numbers: Set(1...directories.count))
    html += "<p class=\"note\">Nothing was changed because of it: these are to be looked at.</p>\n"
    for (directory, manifest) in zip(directories, found) {
      guard manifest.suspectedInversions + manifest.orientationTags + manifest.fileRemarks > 0 else { continue }
      let text = String(
        decoding: try ReadableFile.read(directory.path + "/" + ShardFormat.remarks, limit: .list), as: UTF8.self)
      let first = ImageRemarks.first(of: text, limit: InspectionRemarks.named)
      let suffix = directories.count > 1 ? " in \(InspectionPage.name(directory))" : ""
      html += list("Suspected inversions\(suffix)", first.inversions, of: manifest.suspectedInversions)
      html += list("Exif orientation tags\(suffix)", first.orientations, of: manifest.orientationTags)
      html += list("Odd files\(suffix)", first.files, of: manifest.fileRemarks)
    }
    return html
  }

  private func list(_ title: String, _ lines: [String], of count: Int) -> String {
    guard !lines.isEmpty else { return "" }
    let rest = count > lines.count ? "; and \(count - lines.count) more in \(ShardFormat.remarks)" : ""
    return "<h3>\(HTML.escaped(title))\(rest)</h3>\n<ul>\n"
      + lines.map { "<li>\(HTML.escaped($0))</li>\n" }.joined() + "</ul>\n"
  }
}
