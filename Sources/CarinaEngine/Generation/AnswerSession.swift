import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// Answers questions about images: pixels through the vision encoder, the prompt through the renderer, text as it is
/// made.
public final class AnswerSession {
  /// The most images that a question may have.
  public static let imageLimit = ImageMarks.imageLimit
  /// The model in use.
  public let answering: AnsweringModel
  private let options: GenerationOptions
  private let generator: Generator
  private let features: FeatureCache?

  /// A session with one way of generating.
  /// - Parameter features: a file of `AnsweringModel.featureCache`, where the vision features of images are to be kept.
  /// - Throws: `CarinaError.usage` for options that cannot be used.
  public init(_ answering: AnsweringModel, options: GenerationOptions, features: FeatureCache? = nil) throws {
    try options.validate()
    self.answering = answering
    self.options = options
    self.features = features
    generator = Generator(model: answering.model, stopTokens: answering.stopTokens, options: options)
  }

  /// The rows that images take in a prompt: [images · rowsPerImage, D]. The pixels have the transform's size. With a file
  /// of features each image is encoded by itself, and once.
  /// - Throws: `CarinaError.badData`, `.cannotWrite` for that file.
  public func imageRows(of images: [ImagePixels]) throws -> Tensor {
    let model = answering.model
    func pixels(_ images: [ImagePixels]) -> Tensor {
      PixelBatch.tensor(images.map(answering.transform.normalized), on: model.backend)
    }
    guard let features else { return model.imageRows(pixels(images)) }
    let kept = try images.map { image in
      try features.keeping(of: image.digest) { model.pooledFeatures(pixels([image]), count: 1, tape: nil) }
    }
    let identity = features.identity
    let all = Tensor(
      uninitialized: [images.count * identity.rowCount, identity.width], elementType: identity.elementType,
      on: model.backend)
    for (index, rows) in kept.enumerated() {
      model.backend.copy(rows, into: all.rowSlice(index * identity.rowCount..<(index + 1) * identity.rowCount))
    }
    return model.projector.rows(ofPooled: all, tape: nil)
  }

  /// A question as ids, behind earlier turns about the same images, checked against what the model can take. Marks
  /// `<image>` in the first question have to be as many as the images, and are taken out: images stand before it.
  /// - Throws: `CarinaError.badData` for a question that is too long, has other marks than images, or that the model's
  ///   vocabulary does not cover, `.usage` for earlier turns in a style that does not have them and for more images than
  ///   a question may have. An empty question is one, in every style: it asks for a description, as a caption's sample
  ///   does in training.
  public func prompt(
    _ question: String, after earlier: [ConversationTurn] = [], images: Int = 1
  ) throws -> RenderedPrompt {
    let marks = ImageMarks.count(in: question)
    if marks > 0, let mismatch = ImageMarks.mismatch(marks, images: earlier.isEmpty ? images : 0) {
      throw CarinaError(
        .badData, mismatch + (earlier.isEmpty ? "" : ", which stand in the first question"),
        remedy: "Write as many <image> as there are images into the first question, or none.")
    }
    let turns = earlier.map { ConversationTurn(question: ImageMarks.removed(from: $0.question), answer: $0.answer) }
    let prompt = try answering.renderer.conversation(
      turns, question: ImageMarks.removed(from: question), images: images)
    let config = answering.model.decoder.config
    try prompt.requireIDs(below: config.vocabularySize)
    let rows = rows(of: prompt) + options.maximumNewTokens
    guard rows <= config.maximumPositions else {
      throw CarinaError(
        .badData, "\(images == 1 ? "image" : "\(images) images"), question and answer do not fit into the model",
        expected: "at most \(config.maximumPositions) positions",
        found: "\(rows), \(options.maximumNewTokens) of them for the answer",
        remedy:
          "Ask in fewer words, begin a new conversation or lower \(setting: GenerationOptions.name(\.maximumNewTokens))."
      )
    }
    return prompt
  }

  /// Answers questions side by side.
  ///
  /// - Parameters:
  ///   - questions: prompts from `prompt`, each with the indices of its images in `imageRows`.
  ///   - imageRows: from `imageRows(of:)`.
  ///   - onText: told pieces of whole characters as they are made; with several beams when an answer is complete.
  /// - Throws: `CarinaError.badData` when the model gives no finite numbers, and what `onText` throws.
  public func answers(
    _ questions: [(images: [Int], prompt: RenderedPrompt)], imageRows: Tensor,
    onText: (_ question: Int, _ text: String) throws -> Void = { _, _ in }
  ) throws -> AnswerGroup {
    let sequences = questions.map { ImageTextSequence($0.prompt, images: $0.images) }
    let decoders = questions.map { _ in StreamingDecoder(tokenizer: answering.renderer.tokenizer) }
    var texts = [String](repeating: "", count: questions.count)
    func tell(_ question: Int, _ text: String) throws {
      guard !text.isEmpty else { return }
      texts[question] += text
      try onText(question, text)
    }
    let result = try generator.generate(sequences, imageRows: imageRows) { try tell($0, decoders[$0].append($1)) }
    for (question, decoder) in decoders.enumerated() { try tell(question, decoder.finish()) }
    let answers = questions.indices.map { index in
      Answer(
        text: texts[index], tokens: result.answers[index].tokens, reachedEnd: result.answers[index].reachedEnd,
        promptRows: rows(of: questions[index].prompt))
    }
    return AnswerGroup(
      answers: answers, prefillSeconds: result.prefillSeconds, decodeSeconds: result.decodeSeconds)
  }

  private func rows(of prompt: RenderedPrompt) -> Int {
    prompt.count + prompt.imageCount * answering.model.rowsPerImage
  }
}
