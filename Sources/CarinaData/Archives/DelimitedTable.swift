import CarinaRuntime
import Foundation

/// A table of comma-separated values (RFC 4180) with a header: quoted fields may hold commas, quotes and line ends. Rows
/// end in a line feed, a carriage return or both.
package struct DelimitedTable {
  /// One row; fields are found by the name of their column.
  package struct Row {
    fileprivate let fields: [String]
    fileprivate let columns: [ExactText: Int]
    /// File and line, for errors.
    package let location: String

    /// A field without white space around it; empty when the row ends before it or there is no such column.
    package subscript(_ name: String) -> String {
      guard let column = columns[ExactText(name)], column < fields.count else { return "" }
      return fields[column].trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A field that must not be empty.
    /// - Throws: `CarinaError.badData`.
    package func required(_ name: String) throws -> String {
      let value = self[name]
      guard !value.isEmpty else { throw CarinaError(.badData, "the field \"\(name)\" is empty", at: location) }
      return value
    }
  }

  // A row is held while it is taken apart.
  private static let longestRow = 16 << 20
  private static let mostFields = 65_536

  /// The names of the header in order, without the nameless column that a comma at the end of the line makes.
  package let names: [String]
  private let columns: [ExactText: Int]
  private let path: String

  /// Reads the header of a file, which may be compressed by gzip.
  /// - Parameter required: columns that must be there; each entry lists spellings, of which one suffices.
  /// - Throws: `CarinaError.missingInput`, or `.badData` when a column is missing.
  package init(_ path: String, required: [[String]]) throws {
    self.path = path
    var line = 1
    let header = try DelimitedTable.fields(try TableBytes(path), &line, path)
    var columns: [ExactText: Int] = [:]
    for (index, name) in header.enumerated() {
      let name = ExactText(name.trimmingCharacters(in: .whitespacesAndNewlines))
      if !name.text.isEmpty && columns[name] == nil { columns[name] = index }
    }
    self.columns = columns
    names = header.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.filter { !$0.isEmpty }
    for spellings in required where !spellings.contains(where: { columns[ExactText($0)] != nil }) {
      throw CarinaError(
        .badData, "a column is missing", at: path, expected: spellings.joined(separator: " or "),
        found: names.prefix(40).joined(separator: ", "))
    }
  }

  /// Whether there is a column of this name.
  package func has(_ name: String) -> Bool { columns[ExactText(name)] != nil }

  /// Calls `body` with every row; blank lines are passed over.
  /// - Throws: `CarinaError.badData` for a row shorter than the last named column, with a quote that never ends, or
  ///   that is not UTF-8.
  package func forEach(_ body: (Row) throws -> Void) throws {
    let bytes = try TableBytes(path)
    var line = 1
    _ = try DelimitedTable.fields(bytes, &line, path)
    let needed = (columns.values.max() ?? -1) + 1
    while try bytes.peek() != nil {
      let location = "\(path), line \(line)"
      let fields = try DelimitedTable.fields(bytes, &line, path)
      if fields.count == 1 && fields[0].allSatisfy(\.isWhitespace) { continue }
      guard fields.count >= needed else {
        throw CarinaError(
          .badData, "the row is cut short", at: location, expected: "\(needed) fields", found: "\(fields.count)")
      }
      try body(Row(fields: fields, columns: columns, location: location))
    }
  }

  private static func fields(_ bytes: TableBytes, _ line: inout Int, _ path: String) throws -> [String] {
    let firstLine = line
    var fields: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var length = 0
    func endField() throws {
      // Repaired bytes would make one name of two.
      guard let text = String(validating: field, as: UTF8.self) else {
        throw CarinaError(
          .badData, "the row is not valid UTF-8", at: "\(path), line \(firstLine)",
          remedy: "Save the table as UTF-8.")
      }
      fields.append(text)
      field.removeAll(keepingCapacity: true)
    }
    while let byte = try bytes.next() {
      length += 1
      guard length <= longestRow, fields.count < mostFields else {
        throw CarinaError(
          .badData, "the row is longer than \(longestRow >> 20) MiB or has more than \(mostFields) fields",
          at: "\(path), line \(firstLine)", remedy: "Check that it is the table that was meant, and its quotes.")
      }
      if byte == UInt8(ascii: "\n") { line += 1 }
      if isQuoted {
        if byte != UInt8(ascii: "\"") {
          field.append(byte)
        } else if try bytes.peek() == UInt8(ascii: "\"") {
          field.append(byte)
          _ = try bytes.next()
        } else {
          isQuoted = false
        }
      } else if byte == UInt8(ascii: "\"") && field.isEmpty {
        isQuoted = true
      } else if byte == UInt8(ascii: ",") {
        try endField()
      } else if byte == UInt8(ascii: "\n") {
        break
      } else if byte == UInt8(ascii: "\r") {
        if try bytes.peek() == UInt8(ascii: "\n") { _ = try bytes.next() }
        line += 1
        break
      } else {
        field.append(byte)
      }
    }
    guard !isQuoted else { throw CarinaError(.badData, "a quote never ends", at: "\(path), line \(firstLine)") }
    try endField()
    return fields
  }
}
