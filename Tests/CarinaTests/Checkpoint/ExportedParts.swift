import TestSupport

import Carina

/// A joined golden in parts, as a run would have left it, and what an export of it answers.
enum ExportedParts {
  /// The files of an export.
  static let fileNames = [
    "carina.json", "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors",
    "preprocessor_config.json", "processor_config.json", "tokenizer.json", "tokenizer_config.json",
  ]

  /// Writes the model of a golden, or what `change` makes of it.
  static func write(
    _ source: ModelDirectory, to path: String, style: PromptStyle, tokenizer: ModelDirectory?,
    transform: ImageTransform,
    system: String? = nil, _ change: (VisionLanguageModel) throws -> VisionLanguageModel
  ) throws {
    let model = try change(PipelineParts(joined: source).join(precision: .float32, on: TestBackend.chosen).model)
    try JoinedModelWriter.write(
      model, languageModel: .copy, visionEncoder: .copy, tokenizer: tokenizer ?? source,
      description: JoinedModelWriter.Description(
        promptStyle: style, maximumQuestionTokens: 40, maximumAnswerTokens: 50, transform: transform, system: system),
      type: .float32, to: path)
  }

  /// The logits of a question about an image.
  static func logits(_ path: String, image: String) throws -> Tensor {
    let answering = try AnsweringModel.load(checkpoint: path, precision: .float32, on: Device(TestBackend.chosen))
    let model = answering.model
    let numbers = try answering.transform.normalized(answering.transform.pixels(ofFileAt: image))
    let pixels = Tensor(numbers, shape: [1, numbers.count], on: TestBackend.chosen)
    let sequence = ImageTextSequence(try answering.renderer.generation(question: "Is the heart enlarged?"), image: 0)
    let (x, lengths) = model.embed([sequence], imageRows: model.imageRows(pixels), tape: nil)
    return model.decoder.logits(
      model.decoder.hiddenStates(x, lengths: lengths, mutualRuns: model.mutualRuns(of: [sequence]), tape: nil))
  }
}
