import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaText

/// What the processor of a joined model is to transformers: its class, the pieces that it knows of, the keys of its files,
/// and the prompt that it lays out.
struct JoinedProcessor {
  /// A piece by its key in `tokenizer_config.json`.
  typealias Piece = (key: String, text: String)

  /// The classes of the processor and of its image processor.
  let name: String, imageProcessor: String
  /// The pieces that it has to know.
  let pieces: [Piece]
  /// Keys of `processor_config.json` and of `preprocessor_config.json` besides.
  let settings: JSONObject, imageSettings: JSONObject
  /// The prompt, in Jinja.
  let chatTemplate: String
  /// Whether that stands in the place of a template which the tokenizer brings.
  let replacesTemplate: Bool

  /// The pieces around an image in Gemma 3.
  static let gemma3Pieces: [Piece] = [
    ("boi_token", "<start_of_image>"), ("eoi_token", "<end_of_image>"), ("image_token", "<image_soft_token>"),
  ]

  /// `Gemma3Processor`.
  static func gemma3(tokensPerImage: Int) -> JoinedProcessor {
    let rows = JSONObject([("image_seq_length", .integer(tokensPerImage))])
    return JoinedProcessor(
      name: "Gemma3Processor", imageProcessor: "Gemma3ImageProcessor", pieces: gemma3Pieces, settings: rows,
      imageSettings: rows, chatTemplate: ChatTemplate.gemma3(image: "<start_of_image>"), replacesTemplate: false)
  }

  /// `LlavaProcessor` over SigLIP's patches.
  /// - Parameters:
  ///   - image: the text of the piece that stands for each row of an image.
  ///   - style: the layout that the model was trained in.
  static func llava(_ config: LlavaConfig, image: String, patchSize: Int, style: PromptStyle) -> JoinedProcessor {
    JoinedProcessor(
      name: "LlavaProcessor", imageProcessor: "SiglipImageProcessor", pieces: [("image_token", image)],
      settings: JSONObject([
        ("image_token", .string(image)), ("num_additional_image_tokens", .integer(0)),
        ("patch_size", .integer(patchSize)), ("vision_feature_select_strategy", .string(config.strategy)),
      ]),
      imageSettings: JSONObject(), chatTemplate: ChatTemplate.llava(style, image: image), replacesTemplate: true)
  }
}
