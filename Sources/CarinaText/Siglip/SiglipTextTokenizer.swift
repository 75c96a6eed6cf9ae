import CarinaRuntime
import Foundation

/// Texts as the text tower of a SigLIP reads them: ids of one length, the end token behind the text, padding behind that.
///
/// The first SigLIP models come with a SentencePiece `spiece.model` and canonical texts (transformers `SiglipTokenizer`);
/// SigLIP 2 of one image size with Gemma's tokenizer (`Siglip2Tokenizer` and lower case, or `GemmaTokenizer`). What a text
/// spells like a special token stays text.
package struct SiglipTextTokenizer: Sendable {
  private static let unknownPiece = "<unk>"

  private let tokenizer: any Tokenizer
  private let isCanonical: Bool, lowercases: Bool
  /// What `unknown`, which is put before a canonical text and taken off again, is in pieces.
  private let unknown: String, unknownCount: Int
  /// The ids that end a text, and that fill it up.
  package let end: Int, padding: Int

  /// Opens the tokenizer of a model.
  /// - Parameter defaultPadding: the id that fills up texts where the tokenizer has none.
  /// - Throws: as `TokenizerFactory.load`; `CarinaError.badData` for one without an end token.
  package init(directory: String, defaultPadding: Int) throws {
    let files = FileManager.default, spiece = directory + "/spiece.model", config = directory + "/tokenizer_config.json"
    let configuration: JSONValue? =
      files.fileExists(atPath: config) ? try JSONValue.parseFile(config, limit: .tokenizer) : Optional.none
    let kind = configuration?["tokenizer_class"]?.string
    isCanonical = (kind?.hasPrefix("SiglipTokenizer") ?? true) && files.fileExists(atPath: spiece)
    let unknown = configuration?["unk_token"]
    self.unknown = unknown?.string ?? unknown?["content"]?.string ?? Self.unknownPiece
    if isCanonical {
      tokenizer = try SentencePieceTokenizer(
        model: ReadableFile.read(spiece, limit: .tokenizer), source: spiece, configuration: configuration)
      lowercases = configuration?["do_lower_case"]?.bool ?? true
      unknownCount = tokenizer.encode(self.unknown, recognizingSpecialTokens: false).count
    } else {
      tokenizer = try TokenizerFactory.load(directory: directory)
      lowercases = configuration?["do_lower_case"]?.bool ?? (kind == "Siglip2Tokenizer")
      unknownCount = 0
    }
    guard let end = tokenizer.endOfSequence else {
      throw CarinaError(
        .badData, "the tokenizer has no token that ends a text, which the text tower reads", at: directory,
        expected: "</s> or <eos>, or \"eos_token\" in tokenizer_config.json")
    }
    self.end = end
    // transformers fills up with the end token where the class is SigLIP's own and nothing else is said.
    let own = isCanonical && configuration?["pad_token"]?.isNull ?? true ? end : tokenizer.padding
    padding = own ?? defaultPadding
  }

  /// The ids of a text, the end token included, without padding.
  package func ids(_ text: String) -> [Int] {
    guard isCanonical else {
      return tokenizer.encode(lowercases ? text.lowercased() : text, recognizingSpecialTokens: false) + [end]
    }
    // As transformers has it: a visible space before the text keeps its first word a word, and the unknown token before
    // that keeps the space from being taken for one at the beginning.
    let marked = "\u{2581}" + text.replacing("\u{2581}", with: " ")
    let all = tokenizer.encode(
      unknown + SiglipCanonicalText.of(marked, lowercases: lowercases), recognizingSpecialTokens: false)
    return (all.count >= unknownCount ? Array(all.dropFirst(unknownCount)) : all) + [end]
  }

  /// `ids` of a text, as `ids(_:)` gives them, filled up to `length`; of a longer text the first and the end token.
  package func padded(_ ids: [Int], to length: Int) -> [Int] {
    guard ids.count <= length else { return ids.prefix(length - 1) + [end] }
    return ids + [Int](repeating: padding, count: length - ids.count)
  }
}
