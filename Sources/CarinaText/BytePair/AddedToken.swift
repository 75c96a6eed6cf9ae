import CarinaRuntime

/// A token that is found in the text itself, before the model cuts the rest into pieces.
struct AddedToken: Sendable {
  let id: Int
  let content: String
  let isSpecial: Bool
  let isNormalized: Bool
  let stripsLeft: Bool
  let stripsRight: Bool
  let isSingleWord: Bool

  /// Reads one entry of `added_tokens`.
  /// - Throws: `CarinaError.badData` when id or content is missing.
  init(_ description: JSONValue, source: String) throws {
    guard let id = description["id"]?.int, (0..<PieceLimits.idLimit).contains(id),
      let content = description["content"]?.string, !content.isEmpty
    else {
      throw CarinaError(
        .badData, "an entry of added_tokens is not usable", at: source,
        expected: "\"id\" from 0 to \(PieceLimits.idLimit - 1) and \"content\"",
        found: try description.serialized())
    }
    self.id = id
    self.content = content
    isSpecial = description["special"]?.bool ?? false
    isNormalized = description["normalized"]?.bool ?? !isSpecial
    stripsLeft = description["lstrip"]?.bool ?? false
    stripsRight = description["rstrip"]?.bool ?? false
    isSingleWord = description["single_word"]?.bool ?? false
  }
}
