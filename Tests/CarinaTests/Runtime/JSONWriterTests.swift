import TestSupport
import Testing

import Carina

@Suite struct JSONWriterTests {
  @Test("the text of a value is fixed to the byte")
  func layout() throws {
    let value: JSONValue = ["b": [1, 2.0, -0.5, 1e-7, 1e22], "a": ["x": nil, "é": true], "e": [:], "l": []]
    #expect(
      try value.serialized()
        == #"{"b": [1, 2.0, -0.5, 1e-07, 1e+22], "a": {"x": null, "é": true}, "e": {}, "l": []}"#)
    #expect(
      try value.serialized(sortedKeys: true, indented: true) == """
        {
          "a": {
            "x": null,
            "é": true
          },
          "b": [
            1,
            2.0,
            -0.5,
            1e-07,
            1e+22
          ],
          "e": {},
          "l": []
        }
        """)
  }

  @Test("texts are escaped as little as JSON allows")
  func texts() throws {
    let text = "\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é😀\u{2028}"
    #expect(
      try JSONValue.string(text).serialized()
        == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}é😀\u{2028}\"")
  }

  @Test("what is shown to people is the same text, with the numbers that JSON does not know as Python writes them")
  func shown() throws {
    let value: JSONValue = ["b": [1, -0.5, "x\ny"], "a": ["x": nil]]
    #expect(try value.shown == value.serialized())
    let more = try JSONValue.parse("[Infinity, {\"a\": -Infinity}, NaN, 1e22, 123456789012345678901]", source: "t")
    #expect(more.shown == #"[Infinity, {"a": -Infinity}, NaN, 1e+22, 123456789012345678901]"#)
    #expect(thrownCarinaError { try more.serialized() }?.kind == .internalFailure)
  }

  @Test("whatever is written reads back equal")
  func roundTrip() throws {
    var generator = SeededGenerator(seed: 3, stream: "json")
    func value(_ depth: Int) -> JSONValue {
      switch generator.integer(below: depth > 3 ? 5 : 7) {
      case 0: return .null
      case 1: return .bool(generator.integer(below: 2) == 0)
      case 2: return .integer(Int(bitPattern: UInt(generator.next())))
      case 3: return .number(generator.normal() * 1e3)
      case 4: return .string(text())
      case 5: return .array((0..<generator.integer(below: 5)).map { _ in value(depth + 1) })
      default:
        return .object(JSONObject((0..<generator.integer(below: 30)).map { _ in (text(), value(depth + 1)) }))
      }
    }
    func text() -> String {
      var scalars = String.UnicodeScalarView()
      for _ in 0..<generator.integer(below: 8) {
        scalars.append(Unicode.Scalar(UInt32(generator.integer(below: 0x1_0000))) ?? "\"")
      }
      return String(scalars)
    }
    for _ in 0..<300 {
      let original = value(0)
      for indented in [false, true] {
        #expect(try JSONValue.parse(original.serialized(indented: indented), source: "test") == original)
      }
    }
  }

  @Test("numbers that JSON cannot hold are refused with their path")
  func notFinite() {
    for number in [Double.nan, .infinity, -.infinity] {
      let error = #expect(throws: CarinaError.self) {
        try JSONValue(dictionaryLiteral: ("a", [0, .number(number)])).serialized()
      }
      #expect(error?.location == "a.1")
    }
  }

  @Test("a sealed object that was changed is refused, also to a number that JSON cannot hold")
  func seal() throws {
    let sealed = try JSONObject([("a", 1), ("b", ["c": 2])]).sealed()
    try sealed.requireSeal(source: "f.json")
    for changed in [JSONValue.integer(2), .number(.infinity), .number(.nan), .null] {
      var object = sealed
      object["a"] = changed
      let error = #expect(throws: CarinaError.self) { try object.requireSeal(source: "f.json") }
      #expect(error?.kind == .badData && error?.location == "f.json")
    }
  }

  @Test("an object keeps the position of a replaced name and forgets a removed one")
  func objectEditing() {
    var object = JSONObject((0..<40).map { ("k\($0)", .integer($0)) })
    object["k3"] = "three"
    object["k5"] = nil
    object["new"] = 1
    #expect(object.count == 40)
    #expect(object.keys[3] == "k3" && object.values[3] == "three")
    #expect(object["k5"] == nil && object["k6"]?.int == 6 && object["k39"]?.int == 39 && object["new"]?.int == 1)
    #expect(object.map { $0.key } == object.keys)
  }
}
