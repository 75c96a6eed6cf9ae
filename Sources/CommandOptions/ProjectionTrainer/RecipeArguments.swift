/// A command line as words, from which options are read and taken.
struct RecipeArguments {
  private(set) var words: [String] = []

  /// Adds words at the end.
  mutating func append(_ more: [String]) { words += more }

  /// Whether an option or switch is there.
  func has(_ option: String) -> Bool { words.contains { $0 == "--\(option)" || $0.hasPrefix("--\(option)=") } }

  /// The value of an option, the last where it is there several times.
  func value(of option: String) -> String? {
    for index in words.indices.reversed() {
      if words[index].hasPrefix("--\(option)=") { return String(words[index].dropFirst(option.count + 3)) }
      if words[index] == "--\(option)", index + 1 < words.count { return words[index + 1] }
    }
    return nil
  }

  /// Takes options with their values out.
  /// - Returns: those that were there.
  mutating func remove(_ options: [String]) -> [String] {
    var found: [String] = []
    for option in options where has(option) {
      found.append("--\(option)")
      while let index = words.firstIndex(where: { $0 == "--\(option)" || $0.hasPrefix("--\(option)=") }) {
        let isPair = words[index] == "--\(option)" && index + 1 < words.count
        words.removeSubrange(index...(isPair ? index + 1 : index))
      }
    }
    return found
  }
}
