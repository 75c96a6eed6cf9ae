extension JSONObject {
  private static let sealKey = "digest"

  /// The object with a SHA-256 over all its other names and values under `digest`, by which a reader notices that
  /// something was changed.
  /// - Throws: `CarinaError.internalFailure` for a number that JSON does not know.
  package func sealed() throws -> JSONObject {
    var object = self
    object[Self.sealKey] = .string(try seal())
    return object
  }

  /// Refuses an object whose `digest` is missing or is not that of the rest.
  /// - Parameters:
  ///   - source: the file, for the error.
  ///   - remedy: what to do about it.
  /// - Throws: `CarinaError.badData`.
  package func requireSeal(source: String, remedy: String? = nil) throws {
    // Without a seal there is a number in it that nobody has written here.
    let expected = try? seal(), found = self[Self.sealKey]
    guard let expected, found?.string == expected else {
      throw CarinaError(
        .badData, "was changed or damaged after it was written", at: source,
        expected: expected.map { "digest \($0)" } ?? "finite numbers",
        found: found?.string ?? "none", remedy: remedy)
    }
  }

  private func seal() throws -> String {
    var rest = self
    rest[Self.sealKey] = nil
    return SHA256Digest.of(try JSONValue.object(rest).serialized(sortedKeys: true, indented: false))
  }
}
