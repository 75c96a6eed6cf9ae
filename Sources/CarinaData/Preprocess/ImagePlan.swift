import CarinaRuntime
import Foundation

/// The images of a run of records, each once, in the order of its first record, with its samples.
///
/// The records stay where they are spilled, and so does everything that the plan knows of an image.
struct ImagePlan: Sendable {
  /// Where plans keep what they know of samples and images.
  final class Files: Sendable {
    /// `ImagePlan.Sample` after `ImagePlan.Sample`.
    let samples: SpillFile
    /// Of each image its first sample.
    let images: SpillFile

    /// - Throws: `CarinaError.cannotWrite`.
    init(_ spill: SpillPath) throws { (samples, images) = (try SpillFile(spill), try SpillFile(spill)) }
  }

  struct PlannedImage: Sendable {
    var image: ShardImage
    /// Where the file is; nil when no root has it.
    let path: String?
    var samples: [ShardWriter.NumberedSample]
  }

  /// A sample on the disk.
  struct Sample: BitwiseCopyable {
    let record: Int
    /// How many samples later the next one of the same image comes; 0 for its last.
    var next: Int32 = 0
    /// Whether another of the same image came before.
    var isLater: Int32 = 0
  }

  private let records: SpilledRecords
  let roots: ImageRoots
  private let files: ImagePlan.Files
  /// Where the plan's own samples and images begin in the files.
  private let firstSample: Int, firstImage: Int
  /// How many images there are.
  let count: Int
  /// Images that name no patient.
  let withoutPatient: Int
  /// Images that lie outside the roots, and the first of them.
  let outsideRoots: Int, firstOutsideRoots: [String]
  /// SHA-256 over everything that the shards' content depends on: names, texts, and the size of each file.
  let digest: String

  /// - Parameter takes: which splits' records belong here, told in the order of the records.
  /// - Throws: `CarinaError.badData` when two records give one image to different patients, `.cannotWrite`.
  init(
    _ records: SpilledRecords, roots: ImageRoots, files: ImagePlan.Files, source: String,
    where takes: (UInt32) -> Bool = { _ in true }
  ) throws {
    let firstSample = files.samples.count / MemoryLayout<Sample>.stride
    let firstImage = files.images.count / MemoryLayout<Int>.stride
    (self.records, self.roots, self.files) = (records, roots, files)
    (self.firstSample, self.firstImage) = (firstSample, firstImage)
    var (groups, located, sum) = (SamplesOfImages(records.spill), LocatedImages(roots), SHA256Digest())
    var sampleCount = 0, outside: [String] = []
    try records.forEach(where: takes) { spilled in
      let file = located.find(spilled.record.image)
      try groups.add(
        file.key, sample: sampleCount, patient: spilled.record.patient, isOutside: file.isOutside)
      if file.isOutside, outside.count < 3, !outside.contains(spilled.record.image) {
        outside.append(spilled.record.image)
      }
      try files.samples.append(Sample(record: spilled.number))
      spilled.bytes.withUnsafeBytes { sum.update($0) }
      withUnsafeBytes(of: file.byteCount) { sum.update($0) }
      sampleCount += 1
    }
    try files.samples.flush()
    let found = try groups.link(files.samples, from: firstSample)
    if let conflict = found.conflict {
      func record(_ sample: Int) throws -> SampleRecord {
        try records.record(files.samples.entry(firstSample + sample, of: Sample.self).record)
      }
      let (later, earlier) = (try record(conflict.sample), try record(conflict.other))
      throw CarinaError(
        .badData, "the image \(later.image) belongs to two patients", at: "\(source), sample \(later.id)",
        expected: earlier.patient, found: later.patient)
    }
    withoutPatient = found.withoutPatient
    (outsideRoots, firstOutsideRoots) = (found.outside, outside)
    for start in stride(from: 0, to: sampleCount, by: 4096) {
      let some = firstSample + start..<firstSample + min(sampleCount, start + 4096)
      let samples = try files.samples.entries(some, of: Sample.self)
      samples.withUnsafeBytes { sum.update($0) }
      for (offset, sample) in samples.enumerated() where sample.isLater == 0 {
        try files.images.append(start + offset)
      }
    }
    try files.images.flush()
    count = files.images.count / MemoryLayout<Int>.stride - firstImage
    digest = sum.finish()
  }

  /// An image with its samples, read from the disk.
  /// - Throws: `CarinaError.badData` when the records cannot be read back.
  func image(_ index: Int) throws -> PlannedImage {
    var samples: [ShardWriter.NumberedSample] = []
    var position = try files.images.entry(firstImage + index, of: Int.self)
    while true {
      let sample = try files.samples.entry(firstSample + position, of: Sample.self)
      samples.append((position, try records.record(sample.record)))
      if sample.next == 0 { break }
      position += Int(sample.next)
    }
    let name = samples.first?.record.image ?? ""
    func named(_ field: KeyPath<SampleRecord, String>) -> String {
      samples.lazy.map { $0.record[keyPath: field] }.first { !$0.isEmpty } ?? ""
    }
    return PlannedImage(
      image: ShardImage(id: name, patient: named(\.patient), study: named(\.study), view: named(\.view)),
      path: roots.locate(name), samples: samples)
  }

  static func notFound(_ image: String) -> CarinaError {
    let isAbsolute = image.utf8.first == UInt8(ascii: "/")
    return CarinaError(
      .missingInput, isAbsolute ? "there is no such file" : "is in none of the image roots", at: image,
      found: WindowsPath.slashed(image).map { "neither it nor \($0)" })
  }
}
