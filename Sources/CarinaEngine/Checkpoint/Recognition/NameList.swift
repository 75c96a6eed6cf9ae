/// Many names in few words: the first five, how many more, and what all begin with.
enum NameList {
  private static let shown = 5

  /// `a, b, c, d, e and 36 more, all beginning with model.layers.`
  static func text(_ names: [String], separator: String = ", ") -> String {
    guard names.count > shown else { return names.joined(separator: separator) }
    let prefix = commonPrefix(names)
    return names.prefix(shown).joined(separator: separator) + " and \(names.count - shown) more"
      + (prefix.isEmpty ? "" : ", all beginning with \(prefix)")
  }

  /// What all names begin with, up to and with a dot; empty where there is nothing.
  static func commonPrefix(_ names: [String]) -> String {
    guard var prefix = names.first.map({ Substring($0) }) else { return "" }
    for name in names {
      while !name.hasPrefix(prefix) {
        guard let dot = prefix.dropLast().lastIndex(of: ".") else { return "" }
        prefix = prefix[...dot]
      }
    }
    guard let dot = prefix.lastIndex(of: ".") else { return "" }
    return String(prefix[...dot])
  }
}
