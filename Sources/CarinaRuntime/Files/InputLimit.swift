/// How many bytes a file of a kind may have that is read into memory as a whole. Each is far above what is met in
/// practice; a longer file is another one than was meant, or damaged.
public struct InputLimit: Sendable {
  /// What is read, with its article, for the error.
  let kind: String
  /// The most bytes.
  package let byteCount: Int

  /// A limit of whole MiB.
  package init(_ kind: String, mebibytes: Int) { (self.kind, byteCount) = (kind, mebibytes << 20) }

  /// Configurations, manifests, records of runs, metrics, expectations, templates: 64 MiB.
  public static let document = InputLimit("a JSON document of this kind", mebibytes: 64)
  /// Files of a tokenizer: 512 MiB.
  package static let tokenizer = InputLimit("a tokenizer", mebibytes: 512)
  /// The report of one study: 16 MiB.
  package static let report = InputLimit("a report", mebibytes: 16)
  /// Lists that `preprocess` writes or finds beside an archive: 1 GiB.
  package static let list = InputLimit("a list", mebibytes: 1024)
  /// Lines of questions, predictions and training logs, which are held once they are read: 4 GiB.
  package static let lines = InputLimit("a file of lines", mebibytes: 4096)
  /// One line of those: 16 MiB.
  package static let line = InputLimit("a line", mebibytes: 16)
  /// A projector that torch.save wrote: 4 GiB.
  package static let torchArchive = InputLimit("a projector", mebibytes: 4096)
  /// An image: 1 GiB.
  package static let image = InputLimit("an image", mebibytes: 1024)
  /// An image that goes into a page: 64 MiB.
  public static let picture = InputLimit("a picture on a page", mebibytes: 64)

  /// The limit in words.
  package var text: String { byteCount >> 30 > 0 ? "\(byteCount >> 30) GiB" : "\(byteCount >> 20) MiB" }

  /// Refuses a length above the limit.
  /// - Throws: `CarinaError.badData`.
  package func require(_ byteCount: Int, at location: String) throws {
    guard byteCount > self.byteCount else { return }
    throw CarinaError(
      .badData, "is too large for \(kind)", at: location, expected: "at most \(text)", found: "\(byteCount) bytes",
      remedy: "Check that it is what was meant.")
  }
}
