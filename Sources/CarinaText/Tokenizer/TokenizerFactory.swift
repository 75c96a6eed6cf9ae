import CarinaRuntime
import Foundation

/// Opens the tokenizer of a checkpoint.
///
/// ```swift
/// let tokenizer = try TokenizerFactory.load(directory: "checkpoints/gemma-3-1b")
/// ```
public enum TokenizerFactory {
  /// The files of a tokenizer, any of which may be absent: what has to go along when a checkpoint is copied.
  package static let fileNames = [
    "tokenizer.json", "tokenizer.model", "spiece.model", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json",
  ]

  /// Opens the tokenizer in a directory: `tokenizer.json` where there is one, else `tokenizer.model` or `spiece.model`.
  /// - Throws: `CarinaError.missingInput` when there is none, `.badData` when it is broken or not supported.
  public static func load(directory: String) throws -> any Tokenizer {
    func path(_ name: String) -> String { directory + "/" + name }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
    let configuration =
      exists("tokenizer_config.json") ? try JSONValue.parseFile(path("tokenizer_config.json"), limit: .tokenizer) : nil
    if exists("tokenizer.json") {
      return try BytePairTokenizer(
        json: ReadableFile.read(path("tokenizer.json"), limit: .tokenizer), source: path("tokenizer.json"),
        configuration: configuration)
    }
    for name in ["tokenizer.model", "spiece.model"] where exists(name) {
      return try SentencePieceTokenizer(
        model: ReadableFile.read(path(name), limit: .tokenizer), source: path(name), configuration: configuration)
    }
    throw CarinaError(
      .missingInput, "there is no tokenizer", at: directory,
      expected: "tokenizer.json, tokenizer.model or spiece.model",
      remedy: "Copy the tokenizer files of the checkpoint into this directory.")
  }
}
