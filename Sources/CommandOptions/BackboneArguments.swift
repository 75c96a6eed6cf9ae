import ArgumentParser
import Carina

/// What a stage begins with: an encoder and a decoder, or where a stage allows it a joined model.
public protocol BackboneArguments: ParsableArguments {
  /// Encoder and decoder, each a directory or an id; nil with a joined model.
  /// - Throws: `CarinaError.usage` for neither, or both.
  var parts: (vision: String, language: String)? { get throws }
  /// The joined model.
  var checkpoint: String? { get }
}

/// Encoder and decoder.
public struct BackboneParts: BackboneArguments {
  /// The vision encoder.
  @Option(name: .long, help: ArgumentHelp("SigLIP checkpoint: a directory, or an id in the Hugging Face cache."))
  public var visionModel: String
  /// The decoder.
  @Option(
    name: [.long, .customLong("llm-name"), .customLong("llm-path")],
    help: ArgumentHelp("Gemma 3 checkpoint: a directory, or an id in the Hugging Face cache."))
  public var llm: String

  /// The defaults.
  public init() {}

  /// Both.
  public var parts: (vision: String, language: String)? { (visionModel, llm) }
  /// None.
  public var checkpoint: String? { nil }
}
