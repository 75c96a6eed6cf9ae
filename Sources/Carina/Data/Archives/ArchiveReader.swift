import Foundation

/// Reads an archive in any of the layouts of `SampleFormat` and gives the same kind of record for all.
public enum ArchiveReader {
  /// All samples of an archive, with the counts found beside the published ones.
  /// - Parameters:
  ///   - source: the file or directory of annotations that the layout names.
  ///   - imageRoots: where the images lie; some layouts look there for files and reports.
  /// - Throws: `CarinaError.missingInput`, `.badData` with file, line and field, or `.usage` when the policies leave nothing.
  public static func read(
    _ source: String, format: SampleFormat, imageRoots: [String] = [], options: ArchiveOptions = ArchiveOptions()
  ) throws -> ArchiveRecords {
    let place = ArchivePlace(source: source, finder: ImageFinder(imageRoots), roots: imageRoots)
    var archive = ArchiveRecords()
    switch format {
    case .carina:
      archive.records = try SampleReader.read(source, format: .carina)
      archive.files = [source]
    case .vqaRad: archive = try VQARadAdapter.read(place, options)
    case .llava: archive = try ConversationAdapter.read(place, options)
    case .slake: archive = try SlakeAdapter.read(place, options)
    case .openI: archive = try OpenIAdapter.read(place, options)
    case .mimicCXR: archive = try MimicAdapter.read(place, options)
    case .chexpert: archive = try CheXpertAdapter.read(place, options)
    case .nihCXR14: archive = try ChestXray14Adapter.read(place, options)
    case .vindrCXR: archive = try VinDrAdapter.read(place, options)
    case .padChest: archive = try PadChestAdapter.read(place, options)
    }
    archive.select(options.views)
    archive.records = SampleReader.unique(archive.records)
    guard !archive.records.isEmpty else {
      throw CarinaError(
        .usage, "no sample is left", at: source, found: archive.remarks.joined(separator: "; "),
        remedy: "Check the options that select views, kinds and languages.")
    }
    return archive
  }
}

extension ArchiveReader {
  /// Calls `body` with every sample of an archive, in order; what is returned holds none.
  ///
  /// Carina's own layout is read piece by piece, so that memory does not grow with it. The others are held while they are read.
  /// - Throws: as `read`, and what `body` throws.
  static func stream(
    _ source: String, format: SampleFormat, imageRoots: [String], options: ArchiveOptions, place: SpillPlace,
    _ body: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    guard format == .carina, options.views == .all else {
      var archive = try read(source, format: format, imageRoots: imageRoots, options: options)
      try archive.records.forEach(body)
      archive.records = []
      return archive
    }
    var archive = ArchiveRecords()
    try SampleReader.forEach(source) { value, index, place in
      try body(try format.record(value, index: index, source: place))
    }
    archive.files = [source]
    return archive
  }
}

/// Where an archive's annotations and images lie.
struct ArchivePlace {
  let source: String
  let finder: ImageFinder
  let roots: [String]

  var isDirectory: Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: source, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  /// The source itself when it is a file, else the files in it whose names are accepted, sorted.
  /// - Throws: `CarinaError.missingInput` when there is none.
  func files(_ expected: String, where accept: (String) -> Bool) throws -> [String] {
    guard isDirectory else {
      guard FileManager.default.fileExists(atPath: source) else {
        throw CarinaError(.missingInput, "there is no such file", at: source, expected: expected)
      }
      return [source]
    }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: source)) ?? []).filter(accept).sorted()
    guard !names.isEmpty else {
      throw CarinaError(.missingInput, "does not hold the annotations", at: source, expected: expected)
    }
    return names.map { source + "/" + $0 }
  }

  /// A file beside or in the source; nil when there is none of the names.
  func beside(_ names: [String]) -> String? {
    let folder = isDirectory ? source : (source as NSString).deletingLastPathComponent
    return names.map { (folder.isEmpty ? "." : folder) + "/" + $0 }.first {
      FileManager.default.fileExists(atPath: $0)
    }
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

  /// Applies the policy of views.
  mutating func select(_ policy: ViewPolicy) {
    let images = Set(records.map(\.image)).count
    switch policy {
    case .all: return
    case .frontal: records.removeAll { !RadiographView($0.view).isFrontal }
    case .lateral: records.removeAll { RadiographView($0.view) != .lateral }
    case .best:
      var best: [String: (rank: Int, image: String)] = [:]
      for record in records where !record.study.isEmpty {
        let (key, rank) = ("\(record.patient)\n\(record.study)", RadiographView(record.view).rawValue)
        guard let known = best[key] else {
          best[key] = (rank, record.image)
          continue
        }
        if (rank, record.image) < (known.rank, known.image) { best[key] = (rank, record.image) }
      }
      records.removeAll { !$0.study.isEmpty && best["\($0.patient)\n\($0.study)"]?.image != $0.image }
    }
    note(images - Set(records.map(\.image)).count, "images are left out by --views \(policy.rawValue)")
  }
}
