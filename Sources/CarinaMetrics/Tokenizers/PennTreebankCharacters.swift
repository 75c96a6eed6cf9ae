/// What the Penn Treebank scanner knows about single characters and single words.
enum PennTreebankCharacters {
  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    PythonText.isSpace(scalar) || scalar == "\u{200B}" || scalar == "\u{FEFF}"
  }

  static func isDigit(_ scalar: Unicode.Scalar) -> Bool { PythonText.isDigit(scalar) }

  static func isASCIILetter(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
  }

  static func isASCIIAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    isASCIILetter(scalar) || ("0"..."9").contains(scalar)
  }

  static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return isASCIILetter(scalar) }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .nonspacingMark, .spacingMark:
      return true
    // The ordinal signs of Spanish count as letters in Unicode but stand alone here.
    case .otherLetter: return scalar != "\u{AA}" && scalar != "\u{BA}"
    default: return false
    }
  }

  static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool { isLetter(scalar) || isDigit(scalar) }

  /// The characters that hold a word together.
  static func joins(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "-" || scalar == "_" || scalar == "\u{2010}" || scalar == "\u{2011}"
  }

  /// Characters that the Penn Treebank writes differently. Opening and closing quotes are not told apart, since the
  /// caption metrics remove both.
  static let rewritten: [Unicode.Scalar: String] = [
    "(": "-LRB-", ")": "-RRB-", "[": "-LSB-", "]": "-RSB-", "{": "-LCB-", "}": "-RCB-",
    "\"": "''", "\u{201C}": "''", "\u{201D}": "''", "\u{201E}": "''", "\u{2018}": "'", "\u{2019}": "'", "\u{201A}": "'",
    "\u{2013}": "--", "\u{2014}": "--", "\u{2026}": "...", "\u{A3}": "#", "\u{20AC}": "$",
    "\u{BD}": "1/2", "\u{BC}": "1/4", "\u{BE}": "3/4", "\u{2153}": "1/3", "\u{2154}": "2/3",
  ]

  /// What may follow an apostrophe and then forms a token with it.
  static let clitics: Set<String> = ["s", "m", "d", "re", "ve", "ll"]

  /// Words written as one and read as two: the length of the first.
  static let splitWords = ["cannot": 3, "gonna": 3, "gotta": 3, "gimme": 3, "lemme": 3, "wanna": 3]

  /// Words after an apostrophe that keep it: how much of them the token takes.
  static let apostropheWords = ["tis": 1, "twas": 1, "em": 2, "cause": 5]
}
