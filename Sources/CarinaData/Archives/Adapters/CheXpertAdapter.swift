import CarinaRuntime
import Foundation

/// CheXpert (Irvin et al. 2019): `train.csv` and `valid.csv`, whose column `Path` starts with the archive's own folder.
enum CheXpertAdapter {
  static let labels = [
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema", "Consolidation", "Pneumonia",
    "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices",
  ]

  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let format = SampleFormat.chexpert
    var archive = ArchiveRecords()
    archive.files = try input.files("train.csv or valid.csv") { $0 == "train.csv" || $0 == "valid.csv" }
    let templates = try LabelTemplates(file: options.templates)
    var (images, patients, uncertain, silent) = (0, DistinctNames(input.spill), 0, 0)
    for file in archive.files {
      let table = try DelimitedTable(file, required: [["Path"], ["Frontal/Lateral"], ["AP/PA"], ["No Finding"]])
      try table.forEach { row in
        let path = input.finder.slashed(try row.required("Path"))
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count >= 4, let patient = parts.dropLast(2).last, let study = parts.dropLast().last else {
          throw CarinaError(
            .badData, "the path is not understood", at: row.location, expected: "…/train/patientN/studyN/view.jpg",
            found: path)
        }
        images += 1
        try patients.add(patient)
        let isLateral = row["Frontal/Lateral"].lowercased() == "lateral"
        let within = parts.suffix(4).joined(separator: "/")
        var image = LabelledImage(
          base: SampleRecord(
            image: input.finder.first([path, parts.dropFirst().joined(separator: "/"), within]), question: "",
            answer: "", id: within, patient: patient, study: study, view: isLateral ? "LATERAL" : row["AP/PA"],
            split: parts[parts.count - 4]))
        try fill(&image, row, labels)
        uncertain += image.labels.count { $0.state == .uncertain }
        let samples = image.samples(templates, options)
        if samples.isEmpty { silent += 1 }
        try samples.forEach(emit)
      }
    }
    archive.counts = [
      format.count("images", images), format.count("patients", try patients.count()),
      ArchiveCount("uncertain labels", uncertain),
    ]
    archive.note(silent, "images have no label that says anything and are left out")
    return archive
  }

  /// Takes the columns of CheXpert's labeler: 1 present, 0 absent, -1 uncertain, blank not mentioned.
  static func fill(_ image: inout LabelledImage, _ row: DelimitedTable.Row, _ labels: [String]) throws {
    for label in labels {
      switch row[label] {
      case "1", "1.0": image.labels.append((label, .present))
      case "0", "0.0": image.labels.append((label, .absent))
      case "-1", "-1.0": image.labels.append((label, .uncertain))
      case "": continue
      case let other:
        throw CarinaError(
          .badData, "the label \"\(label)\" is not understood", at: row.location, expected: "1, 0, -1 or nothing",
          found: other)
      }
    }
    image.isNormal = row["No Finding"] == "1" || row["No Finding"] == "1.0"
  }
}
