import CarinaRuntime
import Foundation

/// The images of a run of records, each once, in the order of its first record, with its samples. The images of one
/// record follow each other in their order. Images are numbered from 0, usable or not.
///
/// The records stay where they are spilled, and so does everything that the plan knows of an image.
struct ImagePlan: Sendable {
  /// Where plans keep what they know of samples and images.
  final class Files: Sendable {
    /// `ImagePlan.Mention` after `ImagePlan.Mention`.
    let mentions: SpillFile
    /// Of each image its first mention.
    let images: SpillFile
    /// Of each mention the number of its image, an `Int32`; nothing in plans with one image a record.
    let numbers: SpillFile

    /// - Throws: `CarinaError.cannotWrite`.
    init(_ spill: SpillPath) throws {
      (mentions, images, numbers) = (try SpillFile(spill), try SpillFile(spill), try SpillFile(spill))
    }
  }

  struct PlannedImage: Sendable {
    var image: ShardImage
    /// Where the file is; nil when no root has it.
    let path: String?
    /// The samples whose first image it is.
    var samples: [ShardWriter.NumberedSample]
    /// The records that show it behind another image.
    let further: [SampleRecord]
  }

  /// An image of a record, on the disk: those of one record follow each other.
  struct Mention: BitwiseCopyable {
    let record: Int
    /// How many mentions later the next one of the same image comes; 0 for its last.
    var next: Int32 = 0
    /// Bit 0: whether another of the same image came before. Above it the image's position in its record.
    private var flags: Int32

    init(record: Int, position: Int) { (self.record, flags) = (record, Int32(position) << 1) }

    var position: Int { Int(flags >> 1) }
    var isLater: Bool {
      get { flags & 1 == 1 }
      set { flags = flags & ~1 | (newValue ? 1 : 0) }
    }
  }

  private let records: SpilledRecords
  let roots: ImageRoots
  private let files: ImagePlan.Files
  /// Where the plan's own mentions and images begin in the files.
  private let firstMention: Int, firstImage: Int
  /// How many images there are.
  let count: Int
  /// Whether a record shows several images.
  let hasSeveral: Bool
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
    let firstMention = files.mentions.count / MemoryLayout<Mention>.stride
    let firstImage = files.images.count / MemoryLayout<Int>.stride
    (self.records, self.roots, self.files) = (records, roots, files)
    (self.firstMention, self.firstImage) = (firstMention, firstImage)
    var (groups, located, sum) = (SamplesOfImages(records.spill), LocatedImages(roots), SHA256Digest())
    var mentionCount = 0, outside: [String] = [], hasSeveral = false
    try records.forEach(where: takes) { spilled in
      spilled.bytes.withUnsafeBytes { sum.update($0) }
      let images = spilled.record.images
      if images.count > 1 { hasSeveral = true }
      for (position, image) in images.enumerated() {
        let file = located.find(image)
        try groups.add(
          file.key, mention: mentionCount, patient: spilled.record.patient, isOutside: file.isOutside)
        if file.isOutside, outside.count < 3, !outside.contains(image) { outside.append(image) }
        try files.mentions.append(Mention(record: spilled.number, position: position))
        withUnsafeBytes(of: file.byteCount) { sum.update($0) }
        mentionCount += 1
      }
    }
    try files.mentions.flush()
    self.hasSeveral = hasSeveral
    let found = try groups.link(files.mentions, from: firstMention)
    if let conflict = found.conflict {
      func mentioned(_ number: Int) throws -> (record: SampleRecord, image: String) {
        let mention = try files.mentions.entry(firstMention + number, of: Mention.self)
        let record = try records.record(mention.record)
        return (record, record.images[mention.position])
      }
      let (later, earlier) = (try mentioned(conflict.mention), try mentioned(conflict.other))
      throw CarinaError(
        .badData, "the image \(later.image) belongs to two patients", at: "\(source), sample \(later.record.id)",
        expected: earlier.record.patient, found: later.record.patient)
    }
    withoutPatient = found.withoutPatient
    (outsideRoots, firstOutsideRoots) = (found.outside, outside)
    for start in stride(from: 0, to: mentionCount, by: 4096) {
      let some = firstMention + start..<firstMention + min(mentionCount, start + 4096)
      let mentions = try files.mentions.entries(some, of: Mention.self)
      mentions.withUnsafeBytes { sum.update($0) }
      for (offset, mention) in mentions.enumerated() where !mention.isLater {
        try files.images.append(start + offset)
      }
    }
    try files.images.flush()
    count = files.images.count / MemoryLayout<Int>.stride - firstImage
    digest = sum.finish()
    if hasSeveral { try number(mentionCount) }
  }

  /// Notes which image each mention is of, going from mention to mention of the same image.
  private func number(_ mentionCount: Int) throws {
    // The numbers are read back before the last of them is known.
    try files.numbers.set(firstMention + mentionCount - 1, Int32(0))
    var next: Int32 = 0
    for start in stride(from: 0, to: mentionCount, by: 4096) {
      let some = firstMention + start..<firstMention + min(mentionCount, start + 4096)
      let mentions = try files.mentions.entries(some, of: Mention.self)
      var numbers = try files.numbers.entries(some, of: Int32.self)
      for (offset, mention) in mentions.enumerated() {
        if !mention.isLater {
          numbers[offset] = next
          next += 1
        }
        guard mention.next > 0 else { continue }
        let following = offset + Int(mention.next)
        if following < numbers.count {
          numbers[following] = numbers[offset]
        } else {
          try files.numbers.set(some.lowerBound + following, numbers[offset])
        }
      }
      try numbers.withUnsafeBytes { try files.numbers.write($0, at: some.lowerBound * MemoryLayout<Int32>.stride) }
    }
  }

  /// An image with its samples, read from the disk.
  /// - Throws: `CarinaError.badData` when the records cannot be read back.
  func image(_ index: Int) throws -> PlannedImage {
    var samples: [ShardWriter.NumberedSample] = [], further: [SampleRecord] = []
    var image: ShardImage?
    var number = try files.images.entry(firstImage + index, of: Int.self)
    while true {
      let mention = try files.mentions.entry(firstMention + number, of: Mention.self)
      let record = try records.record(mention.record), position = mention.position
      if position == 0 {
        samples.append(.init(number: number, record: record, images: try images(of: record, index, number)))
      } else {
        further.append(record)
      }
      let own = position == 0 ? nil : record.further[position - 1]
      var known = image ?? ShardImage(id: own?.image ?? record.image)
      if known.patient.isEmpty { known.patient = record.patient }
      if known.study.isEmpty { known.study = own?.study ?? record.study }
      if known.view.isEmpty { known.view = own?.view ?? record.view }
      image = known
      if mention.next == 0 { break }
      number += Int(mention.next)
    }
    let found = image ?? ShardImage(id: "")
    return PlannedImage(image: found, path: roots.locate(found.id), samples: samples, further: further)
  }

  /// The numbers of a record's images, the first of which is known.
  private func images(of record: SampleRecord, _ first: Int, _ mention: Int) throws -> [Int] {
    guard !record.further.isEmpty else { return [first] }
    let all = firstMention + mention + 1..<firstMention + mention + record.images.count
    return [first] + (try files.numbers.entries(all, of: Int32.self).map { Int($0) })
  }

  /// What the first record calls an image.
  /// - Throws: `CarinaError.badData` when the records cannot be read back.
  func name(_ index: Int) throws -> String {
    let number = try files.images.entry(firstImage + index, of: Int.self)
    let mention = try files.mentions.entry(firstMention + number, of: Mention.self)
    return try records.record(mention.record).images[mention.position]
  }

  static func notFound(_ image: String) -> CarinaError {
    let isAbsolute = image.utf8.first == UInt8(ascii: "/")
    return CarinaError(
      .missingInput, isAbsolute ? "there is no such file" : "is in none of the image roots", at: image,
      found: WindowsPath.slashed(image).map { "neither it nor \($0)" })
  }
}
