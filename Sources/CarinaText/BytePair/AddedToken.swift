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
  /// - Throws: `CarinaError.badData` when id or content is missing, or something is of another kind.
  init(_ node: JSONNode) throws {
    guard let id = node["id"].value?.int, (0..<PieceLimits.idLimit).contains(id),
      let content = node["content"].value?.string, !content.isEmpty
    else {
      throw node.failure(
        "an entry of added_tokens is not usable",
        expected: "\"id\" from 0 to \(PieceLimits.idLimit - 1) and \"content\"")
    }
    self.id = id
    self.content = content
    isSpecial = try node["special"].optional?.flag() ?? false
    isNormalized = try node["normalized"].optional?.flag() ?? !isSpecial
    stripsLeft = try node["lstrip"].optional?.flag() ?? false
    stripsRight = try node["rstrip"].optional?.flag() ?? false
    isSingleWord = try node["single_word"].optional?.flag() ?? false
  }
}
