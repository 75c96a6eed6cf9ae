import CarinaRuntime
import Foundation

/// SLAKE (Liu et al. 2021): `train.json`, `validate.json` and `test.json`, whose names are the splits.
///
/// `q_lang` tells English from Chinese; the split is clean only within a language, so one is taken at a time unless
/// asked.
enum SlakeAdapter {
  static func read(
    _ input: ArchiveInput, _ options: ArchiveOptions, _ emit: (SampleRecord) throws -> Void
  ) throws -> ArchiveRecords {
    let format = SampleFormat.slake
    var archive = ArchiveRecords()
    archive.files = try input.files("train.json, validate.json or test.json") {
      ["train.json", "validate.json", "test.json"].contains($0)
    }
    var (images, perPart) = (DistinctNames(input.spill), [ExactText: Int]())
    var (samples, otherLanguage, otherRegion) = (0, 0, 0)
    for file in archive.files {
      let name = ArchiveInput.withoutCompression((file as NSString).lastPathComponent)
      let split = (name as NSString).deletingPathExtension
      try SampleReader.forEach(file) { value, _, source in
        let fields = try SampleFields(value, source: source)
        let image = try fields.image("img_name")
        let language = try fields.required("q_lang")
        samples += 1
        try images.add(image)
        perPart[ExactText("\(language) \(split)"), default: 0] += 1
        guard options.takesLanguage(language) else {
          otherLanguage += 1
          return
        }
        let region = try (fields.optional("location") ?? "", fields.optional("modality") ?? "")
        if options.chestOnly, region.0.lowercased() != "lung" || region.1.lowercased() != "x-ray" {
          otherRegion += 1
          return
        }
        try emit(
          SampleRecord(
            image: input.finder.first([image, "imgs/" + image]), question: try fields.required("question"),
            answer: try fields.required("answer"), id: "\(split)-\(try fields.required("qid"))", split: split,
            answerType: try fields.optional("answer_type") ?? "",
            questionType: try fields.optional("content_type") ?? ""))
      }
    }
    archive.counts =
      [format.count("samples", samples), format.count("images", try images.count())]
      + perPart.keys.sorted().map { format.count($0.text, perPart[$0] ?? 0) }
    archive.note(otherLanguage, "samples in another language than \(options.language) are left out")
    archive.note(otherRegion, "samples about other than chest radiographs are left out")
    return archive
  }
}
