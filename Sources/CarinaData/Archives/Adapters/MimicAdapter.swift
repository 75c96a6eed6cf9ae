import CarinaRuntime
import Foundation

/// MIMIC-CXR-JPG 2 (Johnson et al. 2019): metadata, split and CheXpert label tables, and below the image roots
/// `files/pNN/pSUBJECT/sSTUDY/DICOM.jpg`, with the report `files/pNN/pSUBJECT/sSTUDY.txt` of MIMIC-CXR when it is
/// there.
///
/// A caption is the report's findings or impression; without a report it comes from the labels.
enum MimicAdapter {
  static let labels = [
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum", "Fracture", "Lung Lesion",
    "Lung Opacity", "Pleural Effusion", "Pleural Other", "Pneumonia", "Pneumothorax", "Support Devices",
  ]

  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let format = SampleFormat.mimicCXR
    var archive = ArchiveRecords()
    let metadata = try table(input, "metadata", [["dicom_id"], ["subject_id"], ["study_id"], ["ViewPosition"]])
    guard let metadata else {
      throw CarinaError(
        .missingInput, "does not hold the metadata", at: input.path,
        expected: "mimic-cxr-2.0.0-metadata.csv or the same with .gz")
    }
    archive.files = [metadata.path]
    var splits = SplitList()
    if let split = try table(input, "split", [["dicom_id"], ["split"]]) {
      archive.files.append(split.path)
      try split.table.forEach { try splits.add($0["dicom_id"], split: $0["split"], at: $0.location) }
    }
    var states: [NameHash: PackedLabels] = [:]
    if let chexpert = try table(input, "chexpert", [["subject_id"], ["study_id"], ["No Finding"]]) {
      archive.files.append(chexpert.path)
      try chexpert.table.forEach { row in
        var image = LabelledImage(base: SampleRecord(image: "", question: "", answer: "", id: ""))
        try CheXpertAdapter.fill(&image, row, labels)
        states[NameHash(try row.required("study_id"))] = PackedLabels(image, labels)
      }
    }
    archive.files = archive.files.sortedExactly()
    let templates = try LabelTemplates(file: options.templates)
    var reports = try MimicReports(ImageRoots(input.roots, isConfined: input.isConfined), options)
    var (images, studies, patients) = (0, DistinctNames(input.spill), DistinctNames(input.spill))
    var (blankViews, silent) = (0, 0)
    try metadata.table.forEach { row in
      let (subject, study) = (try row.required("subject_id"), try row.required("study_id"))
      let (id, view) = (try row.required("dicom_id"), row["ViewPosition"])
      images += 1
      try studies.add(study)
      try patients.add(subject)
      if view.isEmpty { blankViews += 1 }
      let folder = "files/p\(subject.prefix(2))/p\(subject)"
      var image = LabelledImage(base: SampleRecord(image: "", question: "", answer: "", id: ""))
      states[NameHash(study)]?.unpack(into: &image, labels)
      image.base = SampleRecord(
        image: "\(folder)/s\(study)/\(id).jpg", question: "", answer: "", id: id, patient: subject, study: study,
        view: view, split: splits[id] ?? "")
      let report = try reports.caption(study, "\(folder)/s\(study).txt")
      var samples = image.samples(templates, options)
      if let caption = report, options.kinds != .questions {
        samples.removeAll { $0.question.isEmpty }
        var sample = image.base
        (sample.id, sample.answer) = ("\(id)/report", caption)
        samples.insert(sample, at: 0)
      }
      if samples.isEmpty { silent += 1 }
      try samples.forEach(emit)
    }
    (archive.reportCount, archive.reportDigest) = (reports.count, reports.digest)
    archive.counts = [
      format.count("images", images), format.count("studies", try studies.count()),
      format.count("patients", try patients.count()),
      ArchiveCount("studies with labels", states.count), ArchiveCount("reports", reports.count),
      ArchiveCount("reports with removed words", reports.withRemovedWords),
      ArchiveCount("images without a view", blankViews),
    ]
    archive.note(silent, "images have neither label nor report that says anything and are left out")
    return archive
  }

  private static func table(
    _ input: ArchiveInput, _ kind: String, _ required: [[String]]
  ) throws -> (path: String, table: DelimitedTable)? {
    let names = ["mimic-cxr-2.0.0-\(kind).csv", "mimic-cxr-2.0.0-\(kind).csv.gz"]
    guard let path = input.beside(names) else { return nil }
    return (path, try DelimitedTable(path, required: required))
  }
}
