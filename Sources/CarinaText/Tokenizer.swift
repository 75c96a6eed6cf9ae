import CarinaRuntime

/// Turns text into piece ids and back. Immutable after loading, so one may be used from many threads.
public protocol Tokenizer: AnyObject, Sendable {
  /// The highest id plus one.
  var vocabularySize: Int { get }

  /// The ids of a text; no `<bos>` is added. The empty text has none.
  /// - Parameter recognizingSpecialTokens: whether `<bos>`, `<start_of_turn>` and their like, written in the text,
  ///   become their control ids. True is what the reference libraries do; false is for text from a user or a data
  ///   set, which must never steer the model: then they are encoded as the characters they are made of.
  func encode(_ text: String, recognizingSpecialTokens: Bool) -> [Int]

  /// The text of ids. Ids that name no piece are left out, as the reference libraries do.
  /// - Parameter skipSpecialTokens: leave out control pieces instead of writing them.
  func decode(_ ids: [Int], skipSpecialTokens: Bool) -> String

  /// What one id adds to a decoded text; `atStart` says that the text is still empty.
  func surface(of id: Int, atStart: Bool, skipSpecialTokens: Bool) -> PieceSurface

  /// The id of a piece as the vocabulary spells it (`▁` for a space), added tokens included.
  func id(of piece: String) -> Int?

  /// The spelling of a piece in the vocabulary.
  func piece(of id: Int) -> String?

  /// The ids of the pieces with a meaning of their own.
  var roles: TokenRoles { get }
}

extension Tokenizer {
  /// The ids of a text, special tokens recognised as the reference libraries do; no `<bos>` is added.
  public func encode(_ text: String) -> [Int] { encode(text, recognizingSpecialTokens: true) }
  /// The id that begins every sequence.
  public var beginOfSequence: Int? { roles.beginOfSequence }
  /// The id that ends a sequence.
  public var endOfSequence: Int? { roles.endOfSequence }
  /// The id that fills up a batch.
  public var padding: Int? { roles.padding }
  /// The id of what the vocabulary cannot spell.
  public var unknown: Int? { roles.unknown }
  /// The id that opens a turn of a conversation.
  public var startOfTurn: Int? { roles.startOfTurn }
  /// The id that closes a turn of a conversation.
  public var endOfTurn: Int? { roles.endOfTurn }
}

/// What one piece adds to a decoded text.
public enum PieceSurface: Equatable, Sendable {
  /// Whole characters (perhaps none).
  case text(String)
  /// Whole characters (perhaps none) behind a space that was dropped at the start: the text counts as begun.
  case textAfterDroppedSpace(String)
  /// One byte of a UTF-8 character that is spelled by several pieces.
  case byte(UInt8)
}

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
