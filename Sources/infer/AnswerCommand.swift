import ArgumentParser
import Carina
import CommandOptions
import Foundation

/// A question about an image, a file of them, or a conversation.
struct AnswerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "answer",
    abstract: "Answer a question, a file of questions, or lines typed about images (the default).",
    discussion: """
      Example: infer --checkpoint runs/stage2/final_model --image-path radiograph.png --question "Is there an effusion?"

      Several images (a current radiograph and a prior one, up to 8) are given by repeating --image-path; they are shown in \
      this order, before the question.

      With --input each line is an object with "image" (or "image_path", a path or a list of them), "question" (or \
      "problem") and perhaps "id". A line that cannot be answered is reported with its number, the others are answered, and the exit code is 65. \
      Without --question and --input, questions about the images are read from stdin, one a line; the model remembers \
      the earlier ones.
      """)

  @OptionGroup(title: "Model") var parts: ModelPartsOptions

  @Option(
    name: .customLong("image-path"), parsing: .singleValue,
    help: ArgumentHelp("The image: PNG, JPEG or DICOM. Repeated for several, up to 8.", valueName: "file"))
  var imagePaths: [String] = []
  @Option(name: .long, help: "The question. Empty asks for a description of the image.")
  var question: String?
  @Option(name: .long, help: ArgumentHelp("Questions as JSON Lines; - for stdin.", valueName: "file"))
  var input: String?
  @Option(
    name: .customLong("image-root"), help: ArgumentHelp("Where relative images of --input are.", valueName: "dir"))
  var imageRoot: String?
  @Option(
    EvaluatorSettingList.declared.batchSize.worded(
      "Questions of --input that are answered side by side.", defaultValue: 8))
  var batchSize: Int
  @Flag(name: .long, help: "One JSON object a question: answer, tokens, seconds.")
  var json = false
  @Option(
    ImageSettingList.declared.window.worded("How images of more than 8 bits become 8: \(PixelPolicy.choices)."))
  var window: PixelPolicy?
  @Option(ImageSettingList.declared.frame) var frame: FrameChoice?

  @Option(
    name: .customLong("cache-vision-features"),
    help: ArgumentHelp(
      "Keep the vision features of images in this file; an image that is asked about again is not encoded again.",
      valueName: "file"))
  var visionFeatures: String?

  @OptionGroup(title: "Generation") var generation: GenerationArguments
  @OptionGroup(title: "Computing") var precision: PrecisionOptions
  @OptionGroup(title: "Computing") var weights: WeightsOptions
  @OptionGroup(title: "Computing") var memory: MemoryOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    try check()
    // What can be wrong with the image is told before a large model is opened.
    for imagePath in imagePaths {
      _ = try ImageDecoder.header(of: ImageDecoder.bytes(ofFileAt: imagePath), path: imagePath)
    }
    let options = try generation.options()
    let questions = try input.map { try QuestionsFile(path: $0, imageRoot: imageRoot) }
    let device = try precision.device(rounded: weights.rounded)
    let type = try precision.computingPrecision(rounded: weights.rounded).elementType
    var answering = try parts.load(precision: type, for: demand(questions, options), on: device)
    if let window { answering = try answering.with(window: window) }
    if let frame { answering = try answering.with(frame: frame) }
    let quantized = try weights.apply(to: answering)
    let features = try visionFeatures.map(answering.featureCache)
    let session = try AnswerSession(answering, options: options, features: features)
    try writeHeader(answering, type)
    for key in answering.unknownKeys { writeNote("\(key) is not known and has no effect") }
    for remark in answering.remarks { writeNote(remark) }
    if let quantized { writeNote(quantized) }
    if let features, !features.isWritable { writeNote(features.readOnlyRemark) }

    let unasked = questions?.lines.count { (try? $0.question.get())?.question.allSatisfy(\.isWhitespace) == true } ?? 0
    if unasked > 0 { writeNote("\(unasked) questions are empty, which asks for a description of the image") }
    if question?.allSatisfy(\.isWhitespace) == true {
      writeNote("the question is empty, which asks for a description of the image")
    }
    if let questions {
      if questions.windowsPaths > 0 {
        writeNote(
          "\(questions.windowsPaths) paths of images have the separators of Windows, and were found with slashes in "
            + "their place")
      }
      defer { if let forecast = answering.forecast { showMemory(forecast, on: device) } }
      try QuestionsRun(session: session, json: json).answer(questions, batchSize: batchSize)
    } else if let question {
      try answerOne(ImageQuestion(imagePaths: imagePaths, question: question), session)
    } else {
      try Conversation(session: session, imagePaths: imagePaths, json: json).run()
    }
  }

  private func demand(_ questions: QuestionsFile?, _ options: GenerationOptions) throws -> AnswerDemand {
    var demand =
      if let questions {
        AnswerDemand(
          questions.lines.compactMap { try? $0.question.get() }, groupSize: batchSize, generation: options)
      } else if let question {
        AnswerDemand([ImageQuestion(imagePaths: imagePaths, question: question)], generation: options)
      } else {
        AnswerDemand(conversationAbout: imagePaths.count, generation: options)
      }
    weights.apply(to: &demand)
    demand.keepsFeatures = visionFeatures != nil
    try memory.apply(to: &demand)
    return demand
  }

  private func check() throws {
    try parts.check()
    try weights.check()
    func require(_ holds: Bool, _ what: String, _ remedy: String) throws {
      if !holds { throw CarinaError(.usage, what, remedy: remedy) }
    }
    try require(
      imagePaths.isEmpty != (input == nil),
      imagePaths.isEmpty ? "there is no image" : "there are two sources of images",
      "Name either --image-path or --input.")
    try require(
      imagePaths.count <= AnswerSession.imageLimit, "there are \(imagePaths.count) images",
      "Ask about at most \(AnswerSession.imageLimit) at once.")
    try require(input == nil || question == nil, "--input brings its own questions", "Leave --question out.")
    try require(input != nil || imageRoot == nil, "--image-root belongs to --input", "Leave it out.")
    try EvaluatorSettingList.declared.batchSize.check(batchSize)
  }

  private func answerOne(_ question: ImageQuestion, _ session: AnswerSession) throws {
    guard !json else {
      let answered = try session.answer(question)
      return try writeToStandardOutput(AnswerRecord.line(question, answered, session.answering))
    }
    _ = try session.answer(question) { try writeAnswer($0) }
    try writeToStandardOutput("\n")
  }

  private func writeHeader(_ answering: AnsweringModel, _ type: ElementType) throws {
    var lines = parts.header(answering) + precision.header(type, answering.device) + weights.header
    lines += try generation.header()
    for imagePath in imagePaths { lines.append(("image-path", imagePath)) }
    if let question { lines.append(("question", question)) }
    if let input { lines += [("input", input), ("batch-size", "\(batchSize)")] }
    if let imageRoot { lines.append(("image-root", imageRoot)) }
    if let visionFeatures { lines.append(("cache-vision-features", visionFeatures)) }
    if let window { lines.append(("window", window.description)) }
    if let frame { lines.append(("frame", frame.description)) }
    writeRunHeader("infer", lines)
  }
}
