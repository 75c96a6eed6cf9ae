/// What went wrong, where, what was expected and found, and what to do about it.
///
/// The engine throws this and nothing else for foreign data and for the file system; the one function
/// that turns it into text and an exit code is `CommandOptions`.
///
/// ```swift
/// throw CarinaError(
///   .badData, "the image has no pixels", at: path, expected: "a PNG or JPEG file", found: "0 bytes",
///   remedy: "Fetch the file again.")
/// // scan.png: the image has no pixels; expected a PNG or JPEG file, found 0 bytes. Fetch the file again.
/// ```
public struct CarinaError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The class of failure; each maps to one exit code of the programs.
  public enum Kind: String, Sendable {
    /// Options that contradict each other or the data (exit code 64).
    case usage
    /// A file that was read but does not hold what it should (65).
    case badData
    /// A file or directory that is not there (66).
    case missingInput
    /// A promise of the engine that did not hold (70).
    case internalFailure
    /// No room, no permission (73).
    case cannotWrite
    /// Stopped by the user; the run can be resumed (75).
    case interrupted
  }

  /// The class of failure.
  public let kind: Kind
  /// One clause: what went wrong.
  package let what: String
  /// The file, tensor, sample or option concerned.
  package let location: String?
  /// What should have been there.
  package let expected: String?
  /// What was there.
  package let found: String?
  /// What the user can do.
  package let remedy: String?

  /// Creates an error; give every part that is known.
  public init(
    _ kind: Kind, _ what: String, at location: String? = nil, expected: String? = nil,
    found: String? = nil, remedy: String? = nil
  ) {
    self.kind = kind
    self.what = what
    self.location = location
    self.expected = expected
    self.found = found
    self.remedy = remedy
  }

  /// This error about a file that was read; as it is where it names another already.
  package func about(_ source: String) -> CarinaError {
    guard location == nil else { return self }
    return CarinaError(.badData, what, at: source, expected: expected, found: found, remedy: remedy)
  }

  // Paths, of which there may be several, are shown whole; a damaged file may give names and values of any length.
  private static let longest = (path: 4500, clause: 6000, value: 3000)

  /// One paragraph: `what (where): expected …, found …. Remedy.` Parts that are very long are cut.
  public var description: String {
    func cut(_ text: String?, _ most: Int) -> String? { text.map { DisplayedText.shortened($0, to: most) } }
    let (what, most) = (DisplayedText.shortened(what, to: CarinaError.longest.clause), CarinaError.longest)
    let (location, remedy) = (cut(location, most.path), cut(remedy, most.path))
    let (expected, found) = (cut(expected, most.value), cut(found, most.value))
    var text = what
    if let location { text = "\(location): \(text)" }
    switch (expected, found) {
    case (let expected?, let found?): text += "; expected \(expected), found \(found)"
    case (let expected?, nil): text += "; expected \(expected)"
    case (nil, let found?): text += "; found \(found)"
    case (nil, nil): break
    }
    if !text.hasSuffix(".") { text += "." }
    if let remedy { text += " \(remedy)" }
    if let last = text.last, !".!?".contains(last) { text += "." }
    return text
  }
}
