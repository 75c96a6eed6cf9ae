/// The lexical half of the JSON reader: white space, punctuation, texts and numbers at an offset that moves through
/// memory.
///
/// It is also used alone where a large file is read straight into tables (a vocabulary of 262,144 pieces).
package struct JSONScanner {
  /// Where in its file the memory begins, when it is a piece of one.
  package struct Origin {
    /// Line and column from 1, byte from 0.
    package private(set) var (line, column, byte) = (1, 1, 0)

    /// The beginning of a file, or the byte behind a byte order mark.
    package init(byte: Int = 0) { self.byte = byte }

    /// Moves over bytes of the file.
    package mutating func move(over bytes: UnsafeRawBufferPointer) {
      for byte in bytes {
        if byte == 0x0A {
          line += 1
          column = 1
        } else if byte & 0xC0 != 0x80 {
          column += 1
        }
      }
      byte += bytes.count
    }
  }

  package let bytes: UnsafeBufferPointer<UInt8>
  let source: String
  let origin: Origin
  package var offset: Int

  package init(_ bytes: UnsafeRawBufferPointer, source: String, origin: Origin = Origin()) {
    self.origin = origin
    self.bytes = bytes.bindMemory(to: UInt8.self)
    self.source = source
    offset = bytes.starts(with: TextFile.mark) ? TextFile.mark.count : 0
  }

  /// The next byte that is not white space; it is not passed over.
  @inline(__always)
  package mutating func peek() throws -> UInt8 {
    while offset < bytes.count {
      let byte = bytes[offset]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
      offset += 1
    }
    throw failure("the document ends early", at: bytes.count)
  }

  /// Moves over one punctuation mark.
  package mutating func expect(_ mark: UInt8) throws {
    guard try peek() == mark else {
      throw failure("unexpected character", expected: "\"\(Character(UnicodeScalar(mark)))\"", found: shown())
    }
    offset += 1
  }

  /// Moves over the rest, which must be white space.
  package mutating func expectEnd() throws {
    while offset < bytes.count {
      guard [0x20, 0x0A, 0x0D, 0x09].contains(bytes[offset]) else {
        throw failure("something follows the end of the document", found: shown())
      }
      offset += 1
    }
  }

  /// Moves over `true`, `false` or `null`.
  mutating func literal(_ word: StaticString) throws {
    let length = word.utf8CodeUnitCount
    guard offset + length <= bytes.count,
      (0..<length).allSatisfy({ bytes[offset + $0] == word.utf8Start[$0] })
    else { throw failure("unknown word", expected: "\(word)", found: shown()) }
    offset += length
  }

  /// Walks an object: `member` gets each name and where it stood, and must move the scanner over the value.
  package mutating func object(_ member: (inout JSONScanner, String, Int) throws -> Void) throws {
    try members { scanner in
      let start = scanner.offset
      let key = try scanner.string()
      try scanner.expect(UInt8(ascii: ":"))
      try member(&scanner, key, start)
    }
  }

  /// Walks an object with the scanner at each opening quote: `member` must move it over name, colon and value.
  package mutating func members(_ member: (inout JSONScanner) throws -> Void) throws {
    try expect(UInt8(ascii: "{"))
    if try peek() == UInt8(ascii: "}") {
      offset += 1
      return
    }
    while true {
      guard try peek() == UInt8(ascii: "\"") else {
        throw failure("an object needs a name in double quotes here", found: shown())
      }
      try member(&self)
      if try !goesOn(before: UInt8(ascii: "}")) { return }
    }
  }

  /// Walks a list: `element` must move the scanner over one element.
  package mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
    try expect(UInt8(ascii: "["))
    if try peek() == UInt8(ascii: "]") {
      offset += 1
      return
    }
    while true {
      try element(&self)
      if try !goesOn(before: UInt8(ascii: "]")) { return }
    }
  }

  /// Moves over a comma (true) or the closing mark (false).
  private mutating func goesOn(before close: UInt8) throws -> Bool {
    let byte = try peek()
    guard byte == UInt8(ascii: ",") || byte == close else {
      throw failure(
        "unexpected character", expected: "\",\" or \"\(Character(UnicodeScalar(close)))\"", found: shown())
    }
    offset += 1
    return byte != close
  }

  /// The error for an offset (by default the current one), with line, column and byte counted from 1, 1 and 0.
  package func failure(
    _ what: String, at position: Int? = nil, expected: String? = nil, found: String? = nil
  ) -> CarinaError {
    let position = min(position ?? offset, bytes.count)
    // A byte order mark is no character of the first line.
    let start = origin.byte == 0 && bytes.starts(with: TextFile.mark) ? min(TextFile.mark.count, position) : 0
    var end = start == 0 ? origin : Origin(byte: start)
    end.move(over: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<position]))
    return CarinaError(
      .badData, "not valid JSON: \(what)", at: "\(source), line \(end.line), column \(end.column) (byte \(end.byte))",
      expected: expected, found: found)
  }

  /// The character at the current offset, for an error text.
  package func shown() -> String {
    guard offset < bytes.count else { return "the end of the document" }
    let byte = bytes[offset]
    return byte >= 0x20 && byte < 0x7F
      ? "\"\(Character(UnicodeScalar(byte)))\"" : "byte 0x\(String(byte, radix: 16, uppercase: true))"
  }
}
