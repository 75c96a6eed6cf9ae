extension JSONValue {
  /// Writes the document as a file that is whole or not there: names sorted, two spaces a level, a line end.
  /// - Throws: `CarinaError.cannotWrite`; `.internalFailure` for a number that is not finite.
  package func write(to path: String) throws {
    try AtomicFile.write(serialized(sortedKeys: true, indented: true) + "\n", to: path)
  }
}
