import Foundation

/// The images of a run of records, each once, in the order of its first record, with its samples.
///
/// The records stay where they are spilled. In memory are some forty bytes an image and twelve a sample.
struct ImagePlan: Sendable {
  struct PlannedImage: Sendable {
    var image: ShardImage
    /// Where the file is; nil when no root has it.
    let path: String?
    var samples: [ShardWriter.PlacedSample]
  }

  private let records: SpilledRecords
  private let roots: ImageRoots
  /// By sample, in the order of the records: the record, and the sample before it of the same image or -1.
  private var recordOf: [Int32] = []
  private var previous: [Int32] = []
  /// By image: its first record and its last sample.
  private var firstRecord: [Int32] = []
  private var last: [Int32] = []
  /// Images that name no patient.
  private(set) var withoutPatient = 0
  /// SHA-256 over everything that the shards' content depends on: names, texts, and the size of each file.
  private(set) var digest = ""

  /// - Parameter takes: which of the records belong here.
  /// - Throws: `CarinaError.badData` when two records give one image to different patients.
  init(
    _ records: SpilledRecords, roots: ImageRoots, source: String, where takes: (SampleRecord) -> Bool = { _ in true }
  ) throws {
    (self.records, self.roots) = (records, roots)
    var rows = ImageRows()
    // Without a name: the hash of the empty one.
    let nobody = NameHash("")
    var patients: [NameHash] = []
    recordOf.reserveCapacity(records.count)
    previous.reserveCapacity(records.count)
    var sum = SHA256Digest()
    try records.forEach { record, number in
      guard takes(record) else { return }
      let sample = Int32(recordOf.count)
      recordOf.append(Int32(number))
      let row = try rows.row(of: record.image, roots: roots) { row in
        try records.record(Int(firstRecord[row])).image
      } found: {
        sum.update("\($0)\0")
      }
      if row == last.count {
        previous.append(-1)
        firstRecord.append(Int32(number))
        last.append(sample)
        patients.append(nobody)
      } else {
        previous.append(last[row])
        last[row] = sample
      }
      if !record.patient.isEmpty {
        let patient = NameHash(record.patient)
        if patients[row] != nobody, patients[row] != patient { throw try twoPatients(row, record, source) }
        patients[row] = patient
      }
      sum.update("\(row)\0\(record.image)\0\(record.id)\0\(record.patient)\0\(record.study)\0\(record.view)\0")
      sum.update("\(record.question)\0\(record.answer)\0\(record.answerType)\0\(record.questionType)\0")
    }
    withoutPatient = patients.count { $0 == nobody }
    digest = sum.finish()
  }

  /// How many images there are.
  var count: Int { last.count }

  /// An image with its samples, read from the disk.
  /// - Throws: `CarinaError.badData` when the records cannot be read back.
  func image(_ index: Int) throws -> PlannedImage {
    var samples: [ShardWriter.PlacedSample] = []
    var sample = last[index]
    while sample >= 0 {
      samples.append((Int(sample), try records.record(Int(recordOf[Int(sample)]))))
      sample = previous[Int(sample)]
    }
    samples.reverse()
    let name = samples.first?.record.image ?? ""
    func named(_ field: KeyPath<SampleRecord, String>) -> String {
      samples.lazy.map { $0.record[keyPath: field] }.first { !$0.isEmpty } ?? ""
    }
    return PlannedImage(
      image: ShardImage(id: name, patient: named(\.patient), study: named(\.study), view: named(\.view)),
      path: roots.locate(name), samples: samples)
  }

  private func twoPatients(_ row: Int, _ record: SampleRecord, _ source: String) throws -> CarinaError {
    var (sample, other) = (previous[Int(last[row])], "")
    while sample >= 0, other.isEmpty {
      other = try records.record(Int(recordOf[Int(sample)])).patient
      sample = previous[Int(sample)]
    }
    return CarinaError(
      .badData, "the image \(record.image) belongs to two patients", at: "\(source), sample \(record.id)",
      expected: other, found: record.patient)
  }

  static func notFound(_ image: String) -> CarinaError {
    CarinaError(.missingInput, "is in none of the image roots", at: image)
  }
}

/// Finds the row of an image by its name. A hash that is met again is checked against the name on the disk, so two images
/// are never taken for one.
private struct ImageRows {
  private var ofName: [NameHash: Int32] = [:]
  private var ofPath: [NameHash: Int32] = [:]
  private var collided: [String: Int32] = [:]
  private var count: Int32 = 0

  /// - Parameters:
  ///   - name: gives the name with which a row began.
  ///   - found: told the size of each new image's file, -1 where there is none.
  mutating func row(
    of image: String, roots: ImageRoots, name: (Int) throws -> String, found: (Int) -> Void
  ) throws -> Int {
    let hash = NameHash(image)
    if let known = ofName[hash] {
      // A name that is another spelling of the first one has the same path, and is looked up by it below.
      if try name(Int(known)) == image { return Int(known) }
    }
    let path = roots.locate(image)
    // Two spellings of one path are one image.
    let key = path.map(ImageRows.plain) ?? "\0" + image
    let keyHash = NameHash(key)
    if let known = ofPath[keyHash] {
      let other = try name(Int(known))
      if (roots.locate(other).map(ImageRows.plain) ?? "\0" + other) == key { return Int(known) }
      if let row = collided[key] { return Int(row) }
      collided[key] = count
    } else {
      ofPath[keyHash] = count
    }
    if ofName[hash] == nil { ofName[hash] = count }
    found(path.map(ImageRows.byteCount) ?? -1)
    count += 1
    return Int(count) - 1
  }

  /// A path without `.`, `..` and doubled slashes.
  private static func plain(_ path: String) -> String {
    guard path.contains("//") || path.contains("/.") || path.hasPrefix(".") else { return path }
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == "..", let above = parts.last, above != ".." { parts.removeLast() } else { parts.append(part) }
    }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  private static func byteCount(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : -1
  }
}
