import CarinaRuntime

/// Counts over a shard directory, for people.
public struct ShardSummary {
  private let shards: ShardDirectory
  /// How many samples have each answer type, question type; images each view, count of channels.
  package let answerTypes: [ExactText: Int], questionTypes: [ExactText: Int], views: [ExactText: Int]
  /// Samples with an empty question.
  package let captions: Int
  /// Samples with more than one image.
  package let several: Int
  /// Different answers.
  package let distinctAnswers: Int
  /// Patients that are named, and images that name none.
  public let patients: Int, imagesWithoutPatient: Int
  /// Mean of the pixels, 0...255, over at most 256 images spread over the directory.
  package let meanIntensity: Double

  /// Counts.
  /// - Throws: `CarinaError.badData` when pixels cannot be read.
  public init(_ shards: ShardDirectory) throws {
    self.shards = shards
    var (answerTypes, questionTypes, views) = ([ExactText: Int](), [ExactText: Int](), [ExactText: Int]())
    var answers = Set<ExactText>()
    var (captions, several) = (0, 0)
    for index in 0..<shards.sampleCount {
      let sample = shards.sample(index)
      answerTypes[ExactText(sample.answerType), default: 0] += 1
      questionTypes[ExactText(sample.questionType), default: 0] += 1
      answers.insert(ExactText(sample.answer))
      if sample.question.isEmpty { captions += 1 }
      if sample.imageRows.count > 1 { several += 1 }
    }
    var unnamed = 0
    for row in 0..<shards.imageCount {
      let image = shards.image(row)
      views[ExactText(image.view), default: 0] += 1
      if image.patient.isEmpty { unnamed += 1 }
    }
    (self.answerTypes, self.questionTypes, self.views) = (answerTypes, questionTypes, views)
    (self.captions, self.several, distinctAnswers) = (captions, several, answers.count)
    (patients, imagesWithoutPatient) = (shards.patients.count, unnamed)
    let seen = min(256, shards.imageCount)
    var total = 0.0
    for index in 0..<seen {
      let values = try shards.pixels(imageRow: index * shards.imageCount / seen).values
      total += Double(values.reduce(0) { $0 + Int($1) }) / Double(values.count)
    }
    meanIntensity = seen > 0 ? total / Double(seen) : 0
  }

  /// A page of text, with the first `show` samples.
  public func text(show: Int) -> String {
    let manifest = shards.manifest
    func counts(_ counts: [ExactText: Int]) -> String {
      counts.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }.prefix(12)
        .map { "\($0.key.text.isEmpty ? "not given" : $0.key.text) \($0.value)" }.joined(separator: ", ")
    }
    let grey = manifest.shards.filter { $0.channels == 1 }.count
    var lines = [
      "\(shards.path)",
      "  split           \(manifest.split.isEmpty ? "not given" : manifest.split)",
      "  source          \(manifest.sourceName), SHA-256 \(manifest.sourceDigest)",
      "  shards          \(manifest.shards.count) (\(grey) grey, \(manifest.shards.count - grey) colour)",
      "  images          \(shards.imageCount) of \(manifest.transform.size) x \(manifest.transform.size) pixels, "
        + "mean intensity \(Int(meanIntensity.rounded()))",
      "  samples         \(shards.sampleCount), of them \(captions) captions, \(distinctAnswers) different answers",
      "  patients        \(patients) named; \(imagesWithoutPatient) images name none",
      "  views           \(counts(views))",
      "  answer types    \(counts(answerTypes))",
      "  question types  \(counts(questionTypes))",
      "  left out        \(manifest.rejectedImages) images, \(manifest.rejectedSamples) samples",
      "  transform       \(manifest.transform.id) \(manifest.transform.settings.shown)",
    ]
    if several > 0 {
      lines.insert("  several images  \(several) samples, at most \(shards.mostImagesOfSample)", at: 6)
    }
    for index in 0..<min(max(0, show), shards.sampleCount) {
      let sample = shards.sample(index)
      lines.append(
        "  sample \(index): \(sample.id), \(sample.imageRows.count == 1 ? "image" : "images") "
          + sample.imageRows.map { shards.image($0).id }.joined(separator: ", "))
      if !sample.question.isEmpty { lines.append("    question: \(sample.question)") }
      lines.append("    answer: \(sample.answer)")
    }
    return lines.map { DisplayedText.of($0) }.joined(separator: "\n")
  }
}
