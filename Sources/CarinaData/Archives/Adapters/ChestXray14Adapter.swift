import CarinaRuntime
import Foundation

/// NIH ChestX-ray14 (Wang et al. 2017): `Data_Entry_2017.csv` or its version of 2020, whose header splits
/// `OriginalImage[Width,Height]` at the comma and ends in one, and the two lists of the official split.
enum ChestXray14Adapter {
  static let labels = [
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis", "Hernia",
    "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
  ]

  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let format = SampleFormat.nihCXR14
    var archive = ArchiveRecords()
    archive.files = [
      try input.files("Data_Entry_2017.csv or Data_Entry_2017_v2020.csv") {
        $0.hasPrefix("Data_Entry_2017") && $0.hasSuffix(".csv")
      }.last ?? input.path
    ]
    let table = try DelimitedTable(
      archive.files[0], required: [["Image Index"], ["Finding Labels"], ["Patient ID"], ["View Position"]])
    var splits = SplitList()
    for (list, split) in [("train_val_list.txt", "train_val"), ("test_list.txt", "test")] {
      guard let path = input.beside([list]) else { continue }
      archive.files.append(path)
      for name in try TextFile.text(path, limit: .list).split(whereSeparator: \.isNewline) {
        try splits.add(name.trimmingCharacters(in: .whitespaces), split: split, at: path)
      }
    }
    archive.files = archive.files.sortedExactly()
    let templates = try LabelTemplates(file: options.templates)
    let known = Set(labels.map(\.exact)).union(["No Finding"])
    var (images, patients, unlisted, others) = (0, DistinctNames(input.spill), 0, Set<ExactText>())
    try table.forEach { row in
      let (name, patient) = (try row.required("Image Index"), try row.required("Patient ID"))
      images += 1
      try patients.add(patient)
      if !splits.isEmpty && splits[name] == nil { unlisted += 1 }
      let found = try row.required("Finding Labels").split(separator: "|").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      others.formUnion(Set(found.map(\.exact)).subtracting(known))
      var image = LabelledImage(
        base: SampleRecord(
          image: input.finder.named(name), question: "", answer: "", id: name, patient: patient,
          study: row["Follow-up #"].isEmpty ? "" : "\(patient)-\(row["Follow-up #"])", view: row["View Position"],
          split: splits[name] ?? ""))
      // The list of labels is complete: what it does not name, the labeler found absent.
      image.labels = labels.map { ($0, found.contains($0) ? .present : .absent) }
      image.labels += found.filter { !known.contains(ExactText($0)) }.map { ($0, .present) }
      image.isNormal = found == ["No Finding"]
      try image.samples(templates, options).forEach(emit)
    }
    archive.counts = [format.count("images", images), format.count("patients", try patients.count())]
    archive.note(unlisted, "images are in neither list of the split")
    if !others.isEmpty {
      archive.remarks.append("labels beyond the 14: \(others.sorted().map(\.text).joined(separator: ", "))")
    }
    return archive
  }
}
