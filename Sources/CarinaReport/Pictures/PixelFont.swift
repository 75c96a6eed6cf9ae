/// Letters of five by seven pixels, for captions in pictures. Lower case is drawn as upper case; what has no letter
/// here is drawn as a box.
enum PixelFont {
  /// Pixels from one letter to the next, and from one line to the next.
  static let advance = 6, lineHeight = 10

  /// Draws a grey text into a picture, cut at `limit` letters with two dots at the end.
  static func draw(_ text: String, x: Int, y: Int, limit: Int, value: UInt8 = 255, into picture: inout Picture) {
    var letters = Array(text)
    if letters.count > limit { letters = Array(letters.prefix(max(0, limit - 2))) + [".", "."] }
    for (index, letter) in letters.enumerated() {
      for (row, bits) in rows(letter).enumerated() {
        for column in 0..<5 where bits >> (4 - column) & 1 == 1 {
          picture.set(x + index * advance + column, y + row, value)
        }
      }
    }
  }

  private static func rows(_ letter: Character) -> [UInt64] {
    guard letter != " " else { return [] }
    let glyph = letter.uppercased().first.flatMap { glyphs[$0] } ?? 0x1F_11_11_11_11_11_1F
    return (0..<7).map { glyph >> (8 * (6 - $0)) & 0x1F }
  }

  // Seven rows of five bits, one byte a row, the top row first.
  private static let glyphs: [Character: UInt64] = [
    "0": 0x0E_11_13_15_19_11_0E, "1": 0x04_0C_04_04_04_04_0E, "2": 0x0E_11_01_02_04_08_1F,
    "3": 0x1F_02_04_02_01_11_0E, "4": 0x02_06_0A_12_1F_02_02, "5": 0x1F_10_1E_01_01_11_0E,
    "6": 0x06_08_10_1E_11_11_0E, "7": 0x1F_01_02_04_08_08_08, "8": 0x0E_11_11_0E_11_11_0E,
    "9": 0x0E_11_11_0F_01_02_0C, "A": 0x0E_11_11_1F_11_11_11, "B": 0x1E_11_11_1E_11_11_1E,
    "C": 0x0E_11_10_10_10_11_0E, "D": 0x1C_12_11_11_11_12_1C, "E": 0x1F_10_10_1E_10_10_1F,
    "F": 0x1F_10_10_1E_10_10_10, "G": 0x0E_11_10_17_11_11_0F, "H": 0x11_11_11_1F_11_11_11,
    "I": 0x0E_04_04_04_04_04_0E, "J": 0x07_02_02_02_02_12_0C, "K": 0x11_12_14_18_14_12_11,
    "L": 0x10_10_10_10_10_10_1F, "M": 0x11_1B_15_15_11_11_11, "N": 0x11_11_19_15_13_11_11,
    "O": 0x0E_11_11_11_11_11_0E, "P": 0x1E_11_11_1E_10_10_10, "Q": 0x0E_11_11_11_15_12_0D,
    "R": 0x1E_11_11_1E_14_12_11, "S": 0x0F_10_10_0E_01_01_1E, "T": 0x1F_04_04_04_04_04_04,
    "U": 0x11_11_11_11_11_11_0E, "V": 0x11_11_11_11_11_0A_04, "W": 0x11_11_11_15_15_15_0A,
    "X": 0x11_11_0A_04_0A_11_11, "Y": 0x11_11_11_0A_04_04_04, "Z": 0x1F_01_02_04_08_10_1F,
    "-": 0x00_00_00_0E_00_00_00, ".": 0x00_00_00_00_00_0C_0C, "_": 0x00_00_00_00_00_00_1F,
    "/": 0x01_01_02_04_08_10_10, ":": 0x00_0C_0C_00_0C_0C_00, ",": 0x00_00_00_00_0C_04_08,
    "?": 0x0E_11_01_02_04_00_04, "!": 0x04_04_04_04_04_00_04, "(": 0x02_04_08_08_08_04_02,
    ")": 0x08_04_02_02_02_04_08, "+": 0x00_04_04_1F_04_04_00, "=": 0x00_00_1F_00_1F_00_00,
    "#": 0x0A_0A_1F_0A_1F_0A_0A, "%": 0x18_19_02_04_08_13_03, "'": 0x04_04_08_00_00_00_00,
    ";": 0x00_0C_0C_00_0C_04_08, "<": 0x02_04_08_10_08_04_02, ">": 0x08_04_02_01_02_04_08,
    "*": 0x00_04_15_0E_15_04_00, "&": 0x08_14_14_08_15_12_0D, "\"": 0x0A_0A_14_00_00_00_00,
  ]
}
