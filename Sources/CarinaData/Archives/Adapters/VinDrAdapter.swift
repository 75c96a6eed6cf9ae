import CarinaRuntime
import Foundation

/// VinDr-CXR (Nguyen et al. 2022): `image_labels_train.csv`, three readers an image, and `image_labels_test.csv`, their
/// consensus. Two of three readers make a label present, one makes it uncertain. No patient is named.
enum VinDrAdapter {
  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let format = SampleFormat.vindrCXR
    var archive = ArchiveRecords()
    archive.files = try input.files("image_labels_train.csv or image_labels_test.csv") {
      $0 == "image_labels_train.csv" || $0 == "image_labels_test.csv"
    }
    let templates = try LabelTemplates(file: options.templates)
    var (perSplit, oddReaders) = ([ExactText: Int](), 0)
    for file in archive.files {
      let split = ArchiveInput.withoutCompression(file).hasSuffix("test.csv") ? "test" : "train"
      let table = try DelimitedTable(file, required: [["image_id"], ["No finding", "No Finding"]])
      let labels = table.names.filter { !["image_id", "rad_id", "No finding", "No Finding"].contains($0) }
      var (order, votes) = ([ExactText](), [ExactText: (readers: Int, present: [Int], normal: Int)]())
      func vote(_ row: DelimitedTable.Row, _ label: String) throws -> Int {
        switch row[label] {
        case "1", "1.0": return 1
        case "0", "0.0": return 0
        case let other:
          throw CarinaError(
            .badData, "the label \"\(label)\" is not understood", at: row.location, expected: "0 or 1", found: other)
        }
      }
      try table.forEach { row in
        let id = ExactText(try row.required("image_id"))
        if votes[id] == nil { order.append(id) }
        var known = votes[id] ?? (0, [Int](repeating: 0, count: labels.count), 0)
        known.readers += 1
        for (index, label) in labels.enumerated() { known.present[index] += try vote(row, label) }
        known.normal += try vote(row, row["No finding"].isEmpty ? "No Finding" : "No finding")
        votes[id] = known
      }
      perSplit[split.exact] = order.count
      for id in order {
        guard let vote = votes[id] else { continue }
        if split == "train" && vote.readers != 3 { oddReaders += 1 }
        let candidates = ["dicom", "dcm", "png", "jpg", "jpeg"].flatMap { ["\(split)/\(id).\($0)", "\(id).\($0)"] }
        var image = LabelledImage(
          base: SampleRecord(
            image: input.finder.first(candidates), question: "", answer: "", id: id.text, split: split))
        image.labels = zip(labels, vote.present).map { label, count in
          (label, 2 * count > vote.readers ? .present : count > 0 ? .uncertain : .absent)
        }
        image.isNormal = 2 * vote.normal > vote.readers
        try image.samples(templates, options).forEach(emit)
      }
    }
    archive.counts =
      [format.count("images", perSplit.values.reduce(0, +))]
      + perSplit.keys.sorted().map { format.count("\($0) images", perSplit[$0] ?? 0) }
    archive.note(oddReaders, "training images do not have three readers")
    archive.remarks.append("no patient is named: that the splits share none cannot be shown")
    return archive
  }
}
