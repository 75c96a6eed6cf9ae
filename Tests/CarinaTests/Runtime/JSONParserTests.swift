import Foundation
import TestSupport
import Testing

import Carina

@Suite struct JSONParserTests {
  private func parse(_ text: String) throws -> JSONValue { try JSONValue.parse(text, source: "test") }

  @Test("a document of every kind keeps order, kinds and values")
  func everyKind() throws {
    let value = try parse(
      #" { "b": [1, -2.5, 1e3, true, false, null], "a": {"x": "y"}, "e": {}, "l": [] } "#)
    #expect(
      value == [
        "b": [1, -2.5, 1000.0, true, false, nil], "a": ["x": "y"], "e": [:], "l": [],
      ])
    #expect(value.object?.keys == ["b", "a", "e", "l"])
    #expect(value["b"]?[1]?.double == -2.5)
    #expect(value["b"]?[0]?.int == 1)
    #expect(value["b"]?[2]?.int == 1000)
    #expect(value["b"]?[3]?.bool == true)
    #expect(value["a"]?["x"]?.string == "y")
    #expect(value["b"]?.array?.count == 6)
    #expect(value["b"]?[9] == nil)
    #expect(value["missing"] == nil)
  }

  @Test("escapes, surrogate pairs and raw UTF-8 give the same scalars")
  func escapes() throws {
    let value = try parse(#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00é😀\u0000""#)
    let expected = "\"\\/\u{8}\u{c}\n\r\tA\u{e9}\u{1F600}\u{e9}\u{1F600}\0"
    #expect(value.string.map { Array($0.unicodeScalars) } == Array(expected.unicodeScalars))
  }

  @Test("names that differ only in Unicode composition are two names")
  func composition() throws {
    let value = try parse("{\"\u{e9}\": 1, \"e\u{301}\": 2}")
    #expect(value["\u{e9}"]?.int == 1)
    #expect(value["e\u{301}"]?.int == 2)
  }

  @Test("numbers read as the nearest double and integers stay exact")
  func numbers() throws {
    for text in [
      "0", "-0.0", "1.5", "0.1", "123456789012345678", "1e22", "1e23", "1.7976931348623157e308", "5e-324",
      "2.2250738585072014e-308", "9007199254740993.0", "0.30000000000000004", "1e-7", "3.14159265358979323846264338",
      "1E+2", "179769313486231570000.5",
    ] {
      #expect(try parse(text).double == Double(text), "\(text)")
    }
    #expect(try parse("9223372036854775807") == .integer(.max))
    #expect(try parse("-9223372036854775808") == .integer(.min))
    #expect(try parse("9223372036854775808") == .digits("9223372036854775808"))
    #expect(try parse("1e-400") == .number(0))
    var generator = SeededGenerator(seed: 7, stream: "numbers")
    for _ in 0..<2000 {
      let value = Double(bitPattern: generator.next())
      guard value.isFinite else { continue }
      #expect(try parse(value.description).double == value)
    }
  }

  @Test(
    "what is not JSON is refused with line, column and byte",
    arguments: [
      ("", 1, 1), ("  ", 1, 3), ("{", 1, 2), ("[1,]", 1, 4), ("[1 2]", 1, 4), ("{\"a\" 1}", 1, 6), ("{a: 1}", 1, 2),
      ("{\"a\": 1,}", 1, 9), ("[1]\n x", 2, 2), ("\"abc", 1, 1), ("\"a\nb\"", 1, 3), ("\"\\x\"", 1, 3),
      ("\"\\u12g4\"", 1, 6), ("\"\\ud800\"", 1, 2), ("\"\\ude00\"", 1, 2), ("\"\\ud800\\u0041\"", 1, 2), ("01", 1, 1),
      ("1.", 1, 3), ("-", 1, 1), ("1e", 1, 3), ("+1", 1, 1), ("nan", 1, 1), ("tru", 1, 1), ("nul", 1, 1),
      ("1e999", 1, 1), ("{\"a\": 1,\n \"a\": 2}", 2, 2), ("{\"é\": x}", 1, 7), ("'a'", 1, 1),
    ])
  func malformed(text: String, line: Int, column: Int) throws {
    let error = #expect(throws: CarinaError.self) { try parse(text) }
    #expect(error?.kind == .badData)
    #expect(error?.location?.hasPrefix("test, line \(line), column \(column) ") == true, "\(error?.location ?? "")")
  }

  @Test("invalid UTF-8 is refused")
  func invalidUTF8() {
    for bytes: [UInt8] in [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] {
      #expect(throws: CarinaError.self) { try JSONValue.parse(Data([0x22] + bytes + [0x22]), source: "test") }
      #expect(throws: CarinaError.self) {
        try JSONValue.parse(Data([0x22, 0x5C, 0x6E] + bytes + [0x22]), source: "test")
      }
      #expect(throws: CarinaError.self) { try JSONValue.parse(Data(bytes), source: "test") }
    }
  }

  @Test("nesting up to the limit is read and beyond it refused")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try parse(nested(512))
    let error = #expect(throws: CarinaError.self) { try parse(nested(513)) }
    #expect(error?.what.contains("512") == true)
    #expect(throws: CarinaError.self) { try parse(String(repeating: "{\"a\":", count: 100_000)) }
  }

  @Test("every prefix of a document is refused, none crashes")
  func prefixes() throws {
    let text = #"{"a": [1, -2.5e3, "x\u00e9\ud83d\ude00\n", true, null], "b": {"c": {}}}"#
    _ = try parse(text)
    for length in 0..<text.utf8.count {
      #expect(throws: CarinaError.self) { try JSONValue.parse(Data(text.utf8.prefix(length)), source: "test") }
    }
  }

  @Test("a file that is not there is missing input")
  func missingFile() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: CarinaError(.missingInput, "there is no such file", at: directory.file("x.json"))) {
      try JSONValue.parseFile(directory.file("x.json"))
    }
    let error = #expect(throws: CarinaError.self) { try JSONValue.parseFile(directory.path) }
    #expect(error?.kind == .missingInput)
    try AtomicFile.write("\u{FEFF}[1]", to: directory.file("mark.json"))
    #expect(try JSONValue.parseFile(directory.file("mark.json")) == [1])
  }
}
