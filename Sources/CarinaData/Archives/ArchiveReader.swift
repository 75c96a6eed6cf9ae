import CarinaRuntime
import Foundation

/// Reads an archive in any of the layouts of `SampleFormat` and gives the same kind of record for all.
package enum ArchiveReader {
  /// All samples of an archive, with the counts found beside the published ones.
  /// - Parameters:
  ///   - source: the file or directory of annotations that the layout names.
  ///   - imageRoots: where the images lie; some layouts look there for files and reports.
  /// - Throws: `CarinaError.missingInput`, `.badData` with file, line and field, or `.usage` when the policies leave nothing.
  public static func read(
    _ source: String, format: SampleFormat, imageRoots: [String] = [], options: ArchiveOptions = ArchiveOptions()
  ) throws -> ArchiveRecords {
    var (records, names) = ([SampleRecord](), UniqueNames())
    var archive = try stream(source, format: format, imageRoots: imageRoots, options: options, place: .temporary) {
      var record = $0
      record.id = names.unique(record.id)
      records.append(record)
    }
    archive.records = records
    return archive
  }

  /// Calls `body` with every sample of an archive, in order, as the source names it; what is returned holds none.
  /// - Parameter place: where state may wait that would not fit in memory.
  /// - Throws: as `read`, and what `body` throws.
  static func stream(
    _ source: String, format: SampleFormat, imageRoots: [String], options: ArchiveOptions, place spill: SpillPlace,
    _ body: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let place = ArchivePlace(source: source, finder: ImageFinder(imageRoots), roots: imageRoots, spill: spill)
    var selection = ViewSelection(options.views, place: spill)
    var archive = try adapter(format)(place, options) { try selection.add($0, body) }
    archive.note(try selection.finish(body), "images are left out by \(setting: .views) \(options.views.rawValue)")
    guard selection.count > 0 else {
      throw CarinaError(
        .usage, "no sample is left", at: source, found: archive.remarks.joined(separator: "; "),
        remedy: "Check the options that select views, kinds and languages.")
    }
    return archive
  }

  private typealias Adapter =
    (ArchivePlace, ArchiveOptions, (SampleRecord) throws -> Void) throws -> ArchiveRecords

  private static func adapter(_ format: SampleFormat) -> Adapter {
    switch format {
    case .carina: carina
    case .vqaRad: VQARadAdapter.read
    case .llava: ConversationAdapter.read
    case .slake: SlakeAdapter.read
    case .openI: OpenIAdapter.read
    case .mimicCXR: MimicAdapter.read
    case .chexpert: CheXpertAdapter.read
    case .nihCXR14: ChestXray14Adapter.read
    case .vindrCXR: VinDrAdapter.read
    case .padChest: PadChestAdapter.read
    }
  }

  private static func carina(
    _ place: ArchivePlace, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    var archive = ArchiveRecords()
    archive.files = [place.source]
    try SampleReader.forEach(place.source) { value, index, source in
      try emit(try SampleFormat.carina.record(value, index: index, source: source))
    }
    return archive
  }
}

/// Where an archive's annotations and images lie.
struct ArchivePlace {
  let source: String
  let finder: ImageFinder
  let roots: [String]
  /// Where state may wait that would not fit in memory.
  let spill: SpillPlace

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
}
