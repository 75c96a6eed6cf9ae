import Foundation

/// The images of a list of records, each once, in the order of its first record, with its samples.
struct ImagePlan: Sendable {
  struct PlannedImage: Sendable {
    var image: ShardImage
    /// Where the file is; nil when no root has it.
    let path: String?
    var samples: [ShardWriter.PlacedSample]
  }

  private var images: [PlannedImage] = []
  /// Images that name no patient.
  private(set) var withoutPatient = 0
  /// SHA-256 over everything that the shards' content depends on: names, texts, and the size of each file.
  private(set) var digest = ""

  /// How many images there are.
  var count: Int { images.count }

  /// An image with its samples.
  subscript(_ index: Int) -> PlannedImage { images[index] }

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
    withoutPatient = images.count { $0.image.patient.isEmpty }
    digest = ImagePlan.digest(images)
  }

  private static func digest(_ images: [PlannedImage]) -> String {
    var digest = SHA256Digest()
    for planned in images {
      digest.update("\(planned.image.id)\0\(planned.path.map(byteCount) ?? -1)\0")
      for (place, sample) in planned.samples {
        digest.update("\(place)\0\(sample.id)\0\(sample.patient)\0\(sample.study)\0\(sample.view)\0")
        digest.update("\(sample.question)\0\(sample.answer)\0\(sample.answerType)\0\(sample.questionType)\0")
      }
    }
    return digest.finish()
  }

  private static func byteCount(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : -1
  }

  static func notFound(_ image: String) -> CarinaError {
    CarinaError(.missingInput, "is in none of the image roots", at: image)
  }
}
