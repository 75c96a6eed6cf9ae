/// Turns text into piece ids and back. Immutable after loading, so one may be used from many threads.
///
/// ```swift
/// let tokenizer = try TokenizerFactory.load(directory: "checkpoints/gemma-3-1b")
/// let ids = tokenizer.encode("No acute findings.")
/// tokenizer.decode(ids, skipSpecialTokens: true)  // "No acute findings."
/// ```
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
