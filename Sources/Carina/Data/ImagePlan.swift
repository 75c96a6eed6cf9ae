import Foundation

/// The images of a list of records, each once, in the order of its first record, with its samples.
struct ImagePlan: Sendable {
  struct PlannedImage: Sendable {
    var image: ShardImage
    /// Where the file is; nil when no root has it.
    let path: String?
    var samples: [ShardWriter.PlacedSample]
  }

  private(set) var images: [PlannedImage] = []

  /// - Throws: `CarinaError.badData` when two records give one image to different patients.
  init(_ records: [SampleRecord], roots: ImageRoots, source: String) throws {
    var rows: [String: Int] = [:]
    var rowOfName: [String: Int] = [:]
    for (place, record) in records.enumerated() {
      let row: Int
      if let known = rowOfName[record.image] {
        row = known
      } else {
        let path = roots.locate(record.image)
        // Two spellings of one path are one image.
        let key = path.map { URL(fileURLWithPath: $0).standardizedFileURL.path } ?? "\0" + record.image
        row = rows[key] ?? images.count
        if row == images.count {
          images.append(PlannedImage(image: ShardImage(id: record.image), path: path, samples: []))
          rows[key] = row
        }
        rowOfName[record.image] = row
      }
      images[row].samples.append((place, record))
      let image = images[row].image
      guard image.patient.isEmpty || record.patient.isEmpty || image.patient == record.patient else {
        throw CarinaError(
          .badData, "the image \(record.image) belongs to two patients", at: "\(source), sample \(record.id)",
          expected: image.patient, found: record.patient)
      }
      if image.patient.isEmpty { images[row].image.patient = record.patient }
      if image.study.isEmpty { images[row].image.study = record.study }
      if image.view.isEmpty { images[row].image.view = record.view }
    }
  }

  static func notFound(_ image: String) -> CarinaError {
    CarinaError(.missingInput, "is in none of the image roots", at: image)
  }
}

/// Inputs that were left out, as lines of `rejected.jsonl`.
struct Rejections {
  private(set) var text = ""
  private(set) var first: [String] = []
  var images = 0
  private(set) var samples = 0

  mutating func add(image: ImagePlan.PlannedImage, error: Error) throws {
    images += 1
    samples += image.samples.count
    try add(path: image.image.id, reason: Rejections.reason(error), samples: image.samples.map(\.record.id))
  }

  mutating func add(sample: SampleRecord) throws {
    samples += 1
    try add(path: sample.image, reason: "the answer is empty", samples: [sample.id])
  }

  private mutating func add(path: String, reason: String, samples: [String]) throws {
    let line: JSONValue = [
      "path": .string(path), "reason": .string(reason), "samples": .array(samples.map(JSONValue.string)),
    ]
    text += try line.serialized() + "\n"
    if first.count < 3 { first.append("\(path): \(reason.hasSuffix(".") ? String(reason.dropLast()) : reason)") }
  }

  /// The reason without the path, which the line has already, and without this machine's directories.
  private static func reason(_ error: Error) -> String {
    guard let error = error as? CarinaError else { return "\(error)" }
    return CarinaError(
      error.kind, error.what, expected: error.expected, found: error.found, remedy: error.remedy
    ).description
  }
}
