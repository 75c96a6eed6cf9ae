import CarinaRuntime

/// The ids of the pieces with a meaning of their own; nil where the vocabulary has none.
public struct TokenRoles: Equatable, Sendable {
  /// Begins every sequence (`<bos>` or `<s>`).
  package var beginOfSequence: Int?
  /// Ends a sequence (`<eos>` or `</s>`).
  package var endOfSequence: Int?
  /// Fills up a batch (`<pad>`).
  package var padding: Int?
  /// Stands for what the vocabulary cannot spell (`<unk>`).
  package var unknown: Int?
  /// Opens a turn (`<start_of_turn>`).
  package var startOfTurn: Int?
  /// Closes a turn (`<end_of_turn>`).
  package var endOfTurn: Int?

  /// Looks the roles up by their usual names, after the names that `configuration` (`tokenizer_config.json`) gives.
  init(configuration: JSONValue?, id: (String) -> Int?) {
    func find(_ key: String?, _ names: String...) -> Int? {
      let entry = key.flatMap { configuration?[$0] }
      let configured = (entry?.string ?? entry?["content"]?.string).map { [$0] } ?? []
      return (configured + names).lazy.compactMap(id).first
    }
    beginOfSequence = find("bos_token", "<bos>", "<s>")
    endOfSequence = find("eos_token", "<eos>", "</s>")
    padding = find("pad_token", "<pad>")
    unknown = find("unk_token", "<unk>")
    startOfTurn = find(nil, "<start_of_turn>")
    endOfTurn = find(nil, "<end_of_turn>")
  }

  /// Pieces that steer the model whatever a file says of them: never made from a user's text.
  static let controlPieces: Set<String> = [
    "<bos>", "<eos>", "<pad>", "<unk>", "<s>", "</s>", "<mask>", "[multimodal]", "<start_of_turn>", "<end_of_turn>",
    "<start_of_image>", "<end_of_image>", "<image_soft_token>",
  ]
}
