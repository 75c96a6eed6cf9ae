/// Foreign texts as a terminal or a log may show them.
public enum DisplayedText {
  /// A text with everything written out that would act instead of being seen: control characters (and with them line
  /// ends and the escapes that move a terminal's cursor), marks that turn the direction of text, characters without
  /// width, and the mark that stands for bytes that are no UTF-8.
  ///
  /// Letters of all scripts, accents and emoji stay as they are, among them the joiners inside an emoji.
  ///
  /// ```swift
  /// DisplayedText.of("scan\u{1B}[2J\u{202E}.png\n")  // scan\u{1B}[2J\u{202E}.png\n, all of it visible
  /// ```
  /// - Parameter keepingLines: whether line ends and tabs stay, for texts of several lines.
  public static func of(_ text: String, keepingLines: Bool = false) -> String {
    guard !text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return text }
    let scalars = Array(text.unicodeScalars)
    var result = String.UnicodeScalarView()
    var isInFlag = false
    for (index, scalar) in scalars.enumerated() {
      let before = index > 0 ? scalars[index - 1] : nil, after = index + 1 < scalars.count ? scalars[index + 1] : nil
      // The flags of England and the like are a black flag and letters that only the flag shows.
      isInFlag = scalar.value == 0x1F3F4 || (isInFlag && (0xE0020...0xE007F).contains(scalar.value))
      if isInFlag || isShown(scalar, between: before, and: after, keepingLines) {
        result.append(scalar)
      } else {
        // One by one: `append(contentsOf:)` of the standard library copies all that was there.
        escape(scalar).unicodeScalars.forEach { result.append($0) }
      }
    }
    return String(result)
  }

  // A file's name has up to 255 bytes, and a message puts something around it.
  private static let longestWord = 300

  /// A text in which nothing is too long to be read: each run without a space or slash is cut behind 300 characters,
  /// the whole when it would take more than `most` bytes, what `of` writes out counted as that. An ellipsis stands for
  /// what was cut.
  public static func shortened(_ text: String, to most: Int) -> String {
    guard text.utf8.count > min(longestWord, most / 8) else { return text }
    var result = String.UnicodeScalarView(), width = 0, word = 0
    for scalar in text.unicodeScalars {
      word = scalar == " " || scalar == "/" || scalar == "\n" ? 0 : word + 1
      guard word <= longestWord + 1 else { continue }
      let isCut = word > longestWord
      width += isCut ? 3 : shownWidth(scalar)
      guard width <= most else {
        result.append("…")
        break
      }
      result.append(isCut ? "…" : scalar)
    }
    return String(result)
  }

  /// Bytes, of a scalar that may have to be escaped those of the escape.
  private static func shownWidth(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0x20...0x7E: 1
    case 0x3040...0xD7A3: 3
    case 0xA1...0x2FFF: scalar.properties.isAlphabetic ? 3 : 8
    default: 10
    }
  }

  private static func isShown(
    _ scalar: Unicode.Scalar, between before: Unicode.Scalar?, and after: Unicode.Scalar?, _ keepingLines: Bool
  ) -> Bool {
    switch scalar.value {
    case 0x20...0x7E: return true
    case 0x09, 0x0A: return keepingLines
    case 0x200D: return before.map(isPictorial) ?? false && after.map(isPictorial) ?? false
    case 0xFFF9...0xFFFB, 0xFFFD: return false
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .surrogate: return false
    default: break
    }
    // A variation selector behind a character says how that one is drawn.
    return !scalar.properties.isDefaultIgnorableCodePoint
      || (scalar.properties.isVariationSelector && before.map { !$0.properties.isVariationSelector } ?? false)
  }

  private static func isPictorial(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isEmojiModifier || scalar.properties.isVariationSelector
      || (scalar.properties.isEmoji && scalar.value > 0xFF)
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case 0x09: return "\\t"
    case 0x0A: return "\\n"
    case 0x0D: return "\\r"
    default: return "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    }
  }
}
