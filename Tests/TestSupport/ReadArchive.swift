import Carina

/// An archive with all its samples in memory.
package struct ReadArchive {
  /// The samples in order, each under a name of its own: a repeated id gets `#2`, `#3`, …
  package let records: [SampleRecord]
  /// What was found, before any policy left something out.
  package let counts: [ArchiveCount]
  /// What the policies left out.
  package let remarks: [String]
}

extension ArchiveReader {
  /// All of an archive.
  package static func read(
    _ source: String, format: SampleFormat, imageRoots: [String] = [], options: ArchiveOptions = ArchiveOptions(),
    isConfined: Bool = false
  ) throws -> ReadArchive {
    var (records, taken) = ([SampleRecord](), Set<String>())
    let archive = try stream(
      source, format: format, imageRoots: imageRoots, options: options, isConfined: isConfined, spill: .temporary
    ) {
      var (record, number) = ($0, 1)
      while !taken.insert(record.id).inserted {
        number += 1
        record.id = "\($0.id)#\(number)"
      }
      records.append(record)
    }
    return ReadArchive(records: records, counts: archive.counts, remarks: archive.remarks)
  }

  /// The records of a file in Carina's own layout, or in another.
  package static func records(_ path: String, format: SampleFormat = .carina) throws -> [SampleRecord] {
    try read(path, format: format).records
  }
}
