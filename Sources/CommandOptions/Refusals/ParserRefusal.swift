import Carina

/// What the parser refuses without saying what would have been right, in the words of the programs' own refusals.
enum ParserRefusal {
  /// The refusal; nil for messages of the parser that say enough.
  /// - Parameters:
  ///   - message: the parser's.
  ///   - words: the command line.
  static func error(_ message: String, words: [String]) -> CarinaError? {
    invalidValue(message) ?? strayWord(message, words)
  }

  /// A text that is no value of its option, where the parser does not name the choices.
  private static func invalidValue(_ message: String) -> CarinaError? {
    let middle = "' is invalid for '--"
    guard message.hasPrefix("The value '"), !message.contains("Please provide one of"),
      let found = message.range(of: middle)
    else { return nil }
    let value = message[..<found.lowerBound].dropFirst("The value '".count)
    let name = message[found.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "-" }
    guard let expected = expectation(of: String(name)) else { return nil }
    return CarinaError(.usage, "--\(name) cannot be used", expected: expected, found: String(value))
  }

  /// A word that belongs to no option.
  private static func strayWord(_ message: String, _ words: [String]) -> CarinaError? {
    guard message.hasPrefix("Unexpected argument '"), message.hasSuffix("'") else { return nil }
    let word = String(message.dropFirst("Unexpected argument '".count).dropLast())
    guard let index = words.firstIndex(of: word),
      let option = words[..<index].lastIndex(where: { $0.hasPrefix("--") })
    else { return nil }
    return CarinaError(
      .usage, "the argument \"\(word)\" belongs to no option",
      found: "it behind \(words[option..<index].joined(separator: " "))",
      remedy: "An option takes one word: join a list by commas without blanks, and put what has blanks between quotes. "
        + "A switch takes none.")
  }

  private static func expectation(of option: String) -> String? {
    settings.first { $0.name.optionName == option }?.expectation
  }

  private static var settings: [any ExpectingSetting] {
    let lists: [[any DeclaredSetting]] = [
      SettingValues<TrainingSettingList>.declared, SettingValues<LoraSettingList>.declared,
      SettingValues<ComputingSettingList>.declared, SettingValues<ValidationSettingList>.declared,
      SettingValues<GenerationSettingList>.declared, SettingValues<EvaluatorSettingList>.declared,
      SettingValues<TowerSettingList>.declared, SettingValues<PromptSettingList>.declared,
      SettingValues<ProjectorSettingList>.declared, SettingValues<BackboneSettingList>.declared,
      SettingValues<PreprocessSettingList>.declared, SettingValues<PhantomSettingList>.declared,
      SettingValues<ImageSettingList>.declared,
    ]
    return lists.joined().compactMap { $0 as? any ExpectingSetting }
  }
}

/// A setting that says what its values are.
private protocol ExpectingSetting {
  var name: SettingName { get }
  var expectation: String { get }
}

extension Setting: ExpectingSetting {}
