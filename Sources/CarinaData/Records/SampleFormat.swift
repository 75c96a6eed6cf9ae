import CarinaRuntime

/// The layouts of records that preprocess reads.
public enum SampleFormat: String, CaseIterable, Sendable {
  /// Objects with `image` (a path, or a list of up to eight) and `caption`, or `image`, `problem` and `normal_caption`.
  /// Optional: `id`, `patient`, `study` and `view` (of the first image, or a list with one for each), `split`,
  /// `answer_type`, `question_type`. Other keys are ignored.
  case carina
  /// VQA-RAD as published (Lau et al. 2018): `image_name`, `question`, `answer`, `qid`, `answer_type`, `question_type`,
  /// `phrase_type`, whose `test_…` values make the split "test" and whose others make it "train". No patient is named:
  /// the case addresses of the file cannot stand for one, as single images have several, counted upwards in the last
  /// digit. The published split shares images: it is kept as it is.
  case vqaRad = "vqa-rad"
  /// Conversations in LLaVA's JSON.
  case llava
  /// SLAKE: a file, or the directory with `train.json`, `validate.json` and `test.json`.
  case slake
  /// Open-i: the directory of XML reports.
  case openI = "open-i"
  /// MIMIC-CXR-JPG: the directory with the tables `mimic-cxr-2.0.0-*.csv`, plain or compressed by gzip.
  case mimicCXR = "mimic-cxr-jpg"
  /// CheXpert: a table, or the directory with `train.csv` and `valid.csv`.
  case chexpert
  /// NIH ChestX-ray14: the table, or its directory, with the lists of the split beside it.
  case nihCXR14 = "nih-cxr14"
  /// VinDr-CXR: a table of image labels, or the directory with both.
  case vindrCXR = "vindr-cxr"
  /// PadChest: the table or its directory.
  case padChest = "padchest"

  /// Turns one object into a record, in the layouts that have one record an object.
  /// - Parameters:
  ///   - index: of the object in its source, the default id.
  ///   - source: names the file and the position in it in errors.
  /// - Throws: `CarinaError.badData` naming the key that is missing or of another kind.
  func record(_ value: JSONValue, index: Int, source: String) throws -> SampleRecord {
    let fields = try SampleFields(value, source: source)
    return try self == .vqaRad ? SampleFormat.vqaRad(fields, index) : SampleFormat.carina(fields, index)
  }

  private static func carina(_ fields: SampleFields, _ index: Int) throws -> SampleRecord {
    var record = SampleRecord(image: "", question: "", answer: "", id: try fields.optional("id") ?? String(index))
    record.take(try fields.imageList("image"))
    if fields.has("problem") || fields.has("normal_caption") {
      record.question = try fields.required("problem")
      record.answer = try fields.required("normal_caption")
    } else {
      record.answer = try fields.required(
        "caption", remedy: "A sample needs \"image\" and \"caption\", or \"image\", \"problem\" and \"normal_caption\"."
      )
    }
    record.patient = try fields.optional("patient") ?? ""
    let count = record.images.count
    let (studies, views) = (try fields.perImage("study", count: count), try fields.perImage("view", count: count))
    (record.study, record.view) = (studies.texts[0], views.texts[0])
    for index in record.further.indices {
      (record.further[index].study, record.further[index].view) = (studies.texts[index + 1], views.texts[index + 1])
    }
    if record.refusal.isEmpty { record.refusal = studies.refusal ?? views.refusal ?? "" }
    record.takeMarks()
    record.split = try fields.optional("split") ?? ""
    record.answerType = try fields.optional("answer_type") ?? ""
    record.questionType = try fields.optional("question_type") ?? ""
    return record
  }

  private static func vqaRad(_ fields: SampleFields, _ index: Int) throws -> SampleRecord {
    let phrase = try fields.optional("phrase_type") ?? ""
    return SampleRecord(
      image: try fields.image("image_name"), question: try fields.required("question"),
      answer: try fields.required("answer"), id: try fields.optional("qid") ?? String(index),
      split: phrase.hasPrefix("test") ? "test" : "train", answerType: try fields.optional("answer_type") ?? "",
      questionType: try fields.optional("question_type") ?? "")
  }
}
