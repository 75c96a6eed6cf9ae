import Carina
import Foundation
import TestSupport
import Testing

/// Files of records longer than what is read at a time.
@Suite struct LongRecordsTests {
  /// Records whose texts try the reader's way of finding their ends, some longer than a piece.
  private func records() -> [JSONValue] {
    let odd = [#"a "quoted" ] text"#, #"ends in a backslash \"#, "}{][,:", "ä\n\t\u{1F600}", ""]
    return (0..<900).map { index in
      let filling = String(repeating: odd[index % 5] + "x", count: index == 450 ? 60_000 : 1 + index % 90)
      return [
        "image": .string("i\(index).png"), "caption": .string("c " + filling + " ."), "extra": [["deep": [[]]], 1.5],
      ]
    }
  }

  @Test("a list and JSON Lines of more than a megabyte are read to the same records as the whole document")
  func boundaries() throws {
    let directory = try TemporaryDirectory()
    let records = records()
    let texts = try records.map { try $0.serialized() }
    for (name, text) in [
      ("list", "\n [ " + texts.joined(separator: " ,\n\n ") + " ] \n"), ("lines", texts.joined(separator: "\n")),
      ("indented", try JSONValue.array(records).serialized(indented: true)),
    ] {
      #expect(text.utf8.count > 1 << 20)
      try AtomicFile.write(text, to: directory.file(name))
      let read = try ArchiveReader.records(directory.file(name))
      #expect(read.count == records.count)
      let isEqual = zip(read, records).allSatisfy { record, value in
        record.image == value["image"]?.string && record.answer == value["caption"]?.string
      }
      #expect(isEqual, "\(name)")
    }
  }

  @Test("what is wrong far into a list is named by line, column and byte as in the whole document")
  func positionsInErrors() throws {
    let directory = try TemporaryDirectory()
    let texts = try records().map { try $0.serialized() }
    let start = "[" + texts.joined(separator: ",\n")
    for end in [
      #", {"image": "a" "caption": "b"}]"#, #", {"image": "a", "caption": tru}]"#, ",", ", {\"image\"", "} ]", "] x",
      " {}]", #", {"image": "\q", "caption": "c"}]"#, ",]",
    ] {
      let path = directory.file("records.json")
      try AtomicFile.write(start + end, to: path)
      let expected = #expect(throws: CarinaError.self) { try JSONValue.parseFile(path) }
      let found = #expect(throws: CarinaError.self) { try ArchiveReader.records(path) }
      #expect(found?.kind == .badData && found?.location == expected?.location, "\(end): \(String(describing: found))")
    }
  }
}
