import CarinaRuntime

/// What the Penn Treebank tokenizer knows about single characters and single words.
enum PennTreebankLexicon {
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

  /// Words that keep their period in any letter case; found, like the next two lists, by feeding the reference
  /// tokenizer every word of up to four letters and the longer abbreviations of English print.
  static let abbreviations = words(
    """
    adj adm adv al ala alex apr ariz assn assoc asst atty attys aug ave bancorp bhd bldg blvd brig bros calif capt cf cie
    cmdr co col colo comdr conn corp cos cpl ct dak dec dept det dr drs elec ens esq est etc ext feb fla fri ft ga gen gov
    govs hon inc ind insp intl invt jan jos jr jul jun kan kans ky lieut lt ltd maj mar md messrs mfg mich minn mlle mme
    mo mon mont mr mrs ms msgr mt mtg natl neb nev nov oct okla penn pfc ph plc ppte ppty pres prof profs pte ptes pty
    ptys pvt rd rep reps rev rt sen sens sep sept seq sfc sgt spc sq sr st ste supt supts sys tel tenn thu thurs tue tues
    univ va vs vt wed wis wisc wm wyo
    """)

  /// Words that keep their period only with a capital, or all in capitals.
  static let capitalizedAbbreviations = words(
    """
    Ark Az Del Ill La Mass Miss Ore Pa Tex Wash ARK AZ DEL ILL LA MASS MISS ORE PA TEX WASH
    """)

  /// Words that keep their period where a number follows directly or after one space.
  static let abbreviationsBeforeNumber = words("no nos fig figs pp art ca prop op")

  /// After one of these a single letter or initials end the sentence, and the period of a single letter stands alone.
  static let sentenceStarts = words(
    """
    About According Additionally After An A As At But Earlier He Her Here However If In It Last Many More Now Once One
    Other Our She Since So Some Such That The Their Then There These They This We What When While Yet You
    """)

  private static func words(_ list: String) -> Set<ExactText> {
    Set(list.split(whereSeparator: { $0 == " " || $0 == "\n" }).map { String($0).exact })
  }
}
