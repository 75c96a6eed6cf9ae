import CarinaRuntime
import Foundation

/// Reads an archive in any of the layouts of `SampleFormat` and gives the same kind of record for all.
package enum ArchiveReader {
  /// Calls `body` with every sample of an archive, in order, under the id that the source gives it, and with every record
  /// of which no sample can be made (`SampleRecord.refusal`).
  /// - Parameters:
  ///   - source: the file or directory of annotations that the layout names.
  ///   - imageRoots: where the images lie; some layouts look there for files and reports.
  ///   - isConfined: whether texts that lie outside the image roots are refused.
  ///   - spill: where state may wait that would not fit in memory.
  /// - Returns: the counts found beside the published ones, and what the policies left out.
  /// - Throws: `CarinaError.missingInput`, `.badData` with file, line and field, `.usage` when the policies leave
  ///   nothing, and what `body` throws.
  package static func stream(
    _ source: String, format: SampleFormat, imageRoots: [String], options: ArchiveOptions,
    isConfined: Bool = false, spill: SpillPath,
    _ body: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let finder = ImageFinder(imageRoots)
    let input = ArchiveInput(
      path: source, finder: finder, roots: imageRoots, isConfined: isConfined, spill: spill)
    var (selection, refused) = (ViewSelection(options.views, spill: spill), 0)
    var archive = try adapter(format)(input, options) { record in
      try requireNames(record, source)
      var record = record
      record.image = finder.resolved(record.image)
      for index in record.further.indices {
        record.further[index].image = finder.resolved(record.further[index].image)
      }
      guard record.refusal.isEmpty else {
        refused += 1
        return try body(record)
      }
      try selection.add(record, body)
    }
    archive.note(
      finder.windowsPaths, "paths of images have the separators of Windows, and were found with slashes in their place")
    archive.note(try selection.finish(body), "images are left out by \(setting: .views) \(options.views.rawValue)")
    guard selection.count > 0 || refused > 0 else {
      throw CarinaError(
        .usage, "no sample is left", at: source, found: archive.remarks.joined(separator: "; "),
        remedy: "Check the options that select views, kinds and languages.")
    }
    return archive
  }

  /// Refuses a name with a NUL in it, at which the file system and others would cut it.
  private static func requireNames(_ record: SampleRecord, _ source: String) throws {
    for (field, name) in [
      ("image", record.image), ("id", record.id), ("patient", record.patient), ("study", record.study),
      ("view", record.view), ("split", record.split),
    ] + record.further.flatMap({ [("image", $0.image), ("study", $0.study), ("view", $0.view)] })
    where !FileName.isWhole(name) {
      throw CarinaError(
        .badData, "the \(field) has a NUL in it", at: "\(source), sample \(record.id)", found: "\"\(name)\"",
        remedy: "Correct the name where it is written.")
    }
  }

  private typealias Adapter =
    (ArchiveInput, ArchiveOptions, (SampleRecord) throws -> Void) throws -> ArchiveRecords

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
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    var archive = ArchiveRecords()
    archive.files = [input.path]
    try SampleReader.forEach(input.path) { value, index, source in
      try emit(try SampleFormat.carina.record(value, index: index, source: source))
    }
    return archive
  }
}
