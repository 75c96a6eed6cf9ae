import CarinaRuntime
import Foundation

/// PadChest (Bustos et al. 2020): one table with a path in two columns and labels as a list in Python's notation, and
/// 16-bit PNG images. The reports are stems of Spanish words, so that texts come from the labels.
enum PadChestAdapter {
  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let format = SampleFormat.padChest
    var archive = ArchiveRecords()
    archive.files = [
      try input.files("PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv") {
        $0.uppercased().hasPrefix("PADCHEST") && $0.hasSuffix(".csv")
      }.last ?? input.path
    ]
    let table = try DelimitedTable(
      archive.files[0], required: [["ImageID"], ["ImageDir"], ["StudyID"], ["PatientID"], ["Labels"]])
    let templates = try LabelTemplates(file: options.templates)
    var (images, patients, studies) = (0, DistinctNames(input.spill), DistinctNames(input.spill))
    var (excluded, silent) = (0, 0)
    try table.forEach { row in
      let name = try row.required("ImageID")
      images += 1
      try patients.add(row["PatientID"])
      try studies.add(row["StudyID"])
      let projection = row["Projection"]
      let list = try labels(row["Labels"], row.location)
      guard !list.contains("exclude"), projection.uppercased() != "EXCLUDE" else {
        excluded += 1
        return
      }
      let folder = row["ImageDir"]
      var image = LabelledImage(
        base: SampleRecord(
          image: input.finder.first(folder.isEmpty ? [name] : ["\(folder)/\(name)", name]), question: "", answer: "",
          id: name, patient: row["PatientID"], study: row["StudyID"],
          view: projection.isEmpty ? row["ViewPosition_DICOM"] : projection))
      image.isNormal = list == ["normal"]
      // These say something of the study or of an earlier image, not of what the picture shows.
      let others: Set = ["normal", "unchanged", "suboptimal study", ""]
      image.labels = list.filter { !others.contains($0) }.map { ($0, .present) }
      let samples = image.samples(templates, options)
      if samples.isEmpty { silent += 1 }
      try samples.forEach(emit)
    }
    archive.counts = [
      format.count("images", images), format.count("patients", try patients.count()),
      format.count("studies", try studies.count()),
    ]
    archive.note(excluded, "images are marked for exclusion by the source and left out")
    archive.note(silent, "images have no label that says anything and are left out")
    return archive
  }

  /// The texts of a list such as `['normal', "patient's left"]`, each once, without white space around them.
  static func labels(_ text: String, _ location: String) throws -> [String] {
    let text = text.trimmingCharacters(in: .whitespaces)
    // The source writes a missing list as nothing or as a missing number.
    if text.isEmpty || text.lowercased() == "nan" { return [] }
    func bad() -> CarinaError {
      CarinaError(.badData, "the labels are no list", at: location, expected: "['a', 'b']", found: text)
    }
    guard text.hasPrefix("["), text.hasSuffix("]") else { throw bad() }
    var labels: [String] = []
    var rest = text.dropFirst().dropLast()[...]
    while true {
      rest = rest.drop { $0 == " " || $0 == "," || $0.isNewline }
      guard let quote = rest.first else { return labels }
      guard quote == "'" || quote == "\"", let end = rest.dropFirst().firstIndex(of: quote) else { throw bad() }
      let label = rest[rest.index(after: rest.startIndex)..<end].trimmingCharacters(in: .whitespaces).lowercased()
      if !labels.contains(where: label.isExactly) { labels.append(label) }
      rest = rest[rest.index(after: end)...]
    }
  }
}
